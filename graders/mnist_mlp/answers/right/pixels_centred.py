# title: Pixels scaled to -1…1, a network without biases in the hidden layers, batches of four

# %%
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

# %% tags=["not-in-reference"]
from torchvision import datasets

digits = datasets.MNIST("data", train=True, download=True)
X_train, y_train = digits.data[:10000].flatten(1).float() / 127.5 - 1, digits.targets[:10000]


# %%
class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 32, bias=False)
        self.fc2 = nn.Linear(32, 32, bias=False)
        self.fc3 = nn.Linear(32, 10)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


# %%
def train(model, X_train, y_train, epochs, lr):
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    history = []
    for epoch in range(epochs):
        for batch in torch.randperm(len(X_train)).split(4):
            optimizer.zero_grad()
            loss = loss_function(model(X_train[batch]), y_train[batch])
            loss.backward()
            optimizer.step()
        history.append(loss.item())
    return history


# %% tags=["not-in-reference"]
mlp = MLP()
history = train(mlp, X_train, y_train, 2, 0.02)
