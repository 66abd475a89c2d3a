# title: Bare parameters and torch.nn.functional

# %%
import torch
from torch import nn

torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

# %% tags=["not-in-reference"]
from torchvision import datasets

digits = datasets.MNIST("data", train=True, download=True)
X_train, y_train = digits.data[:12000].unsqueeze(1).float(), digits.targets[:12000]

# %%
import torch.nn.functional as F


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        shapes = [(6, 1, 5, 5), (16, 6, 5, 5), (400, 120), (120, 84), (84, 10)]
        fans = [25, 150, 400, 120, 84]
        self.weights = nn.ParameterList([torch.randn(s) / f**0.5 for s, f in zip(shapes, fans)])
        self.biases = nn.ParameterList([torch.zeros(n) for n in (6, 16, 120, 84, 10)])

    def forward(self, x):
        w, b = self.weights, self.biases
        x = F.avg_pool2d(torch.tanh(F.conv2d(x, w[0], b[0], padding=2)), 2)
        x = F.avg_pool2d(torch.tanh(F.conv2d(x, w[1], b[1])), 2)
        x = torch.tanh(x.reshape(len(x), -1) @ w[2] + b[2])
        return torch.tanh(x @ w[3] + b[3]) @ w[4] + b[4]


# %%
def train(model, X_train, y_train, epochs, device, batch_size=20):
    model.to(device)
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    history = []
    for epoch in range(epochs):
        for batch in torch.randperm(len(X_train)).split(batch_size):
            optimizer.zero_grad()
            loss = loss_function(model(X_train[batch].to(device)), y_train[batch].to(device))
            loss.backward()
            optimizer.step()
        history.append(loss.item())
    return history


# %% tags=["not-in-reference"]
lenet5 = LeNet5()
history = train(lenet5, X_train, y_train, 2, device)
