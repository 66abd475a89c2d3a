# title: Parameters of its own, two layers of equal width, the last layer's first

# %%
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

# %% tags=["not-in-reference"]
from torchvision import datasets

digits = datasets.MNIST("data", train=True, download=True)
X_train, y_train = digits.data[:10000].flatten(1).float() / 255, digits.targets[:10000]


# %%
class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = ((64, 10), (64, 64), (784, 64))
        self.biases = nn.ParameterList([nn.Parameter(torch.zeros(b)) for a, b in sizes])
        self.weights = nn.ParameterList([nn.Parameter(torch.randn(a, b) * (2 / a) ** 0.5) for a, b in sizes])

    def forward(self, x):
        x = F.relu(x @ self.weights[2] + self.biases[2])
        x = F.relu(x @ self.weights[1] + self.biases[1])
        return x @ self.weights[0] + self.biases[0]


# %%
def train(model, X_train, y_train, epochs, lr):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    history = []
    for epoch in range(epochs):
        losses = []
        for rows in torch.randperm(len(X_train)).split(20):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(X_train[rows]), y_train[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        history.append(sum(losses) / len(losses))
    return history


# %% tags=["not-in-reference"]
mlp = MLP()
history = train(mlp, X_train, y_train, 2, 0.1)
