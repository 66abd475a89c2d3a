# title: Everything in float64, and a history of numpy's numbers

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
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


# %%
import numpy as np


def train(model, X_train, y_train, epochs, lr):
    model.double()
    X_train = X_train.double()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    history = []
    for epoch in range(epochs):
        losses = []
        for rows in np.array_split(np.random.permutation(len(X_train)), max(1, len(X_train) // 20)):
            optimizer.zero_grad()
            loss = nn.CrossEntropyLoss()(model(X_train[rows]), y_train[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        history.append(np.mean(losses))
    return history


# %% tags=["not-in-reference"]
mlp = MLP()
history = train(mlp, X_train, y_train, 2, 0.1)
