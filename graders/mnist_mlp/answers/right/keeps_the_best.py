# title: A fifth is kept back to validate with, and the best weights are put back

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
import copy


def train(model, X_train, y_train, epochs, lr):
    part = len(X_train) // 5
    X_val, y_val, X, y = X_train[:part], y_train[:part], X_train[part:], y_train[part:]
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses, best, kept = [], float("inf"), copy.deepcopy(model.state_dict())
    for epoch in range(epochs):
        model.train()
        for batch in torch.randperm(len(X)).split(20):
            loss = F.cross_entropy(model(X[batch]), y[batch])
            optimizer.zero_grad(set_to_none=False)
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            now = F.cross_entropy(model(X_val), y_val).item() if part else 0.0
        if now < best:
            best, kept = now, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return losses


# %% tags=["not-in-reference"]
mlp = MLP()
history = train(mlp, X_train, y_train, 2, 0.1)
