# title: The step is written by hand, a batch at a time in the order of the images

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
def train(model, X_train, y_train, epochs, lr):
    history = []
    for epoch in range(epochs):
        epoch_losses = []
        for start in range(0, len(X_train), 16):
            X, y = X_train[start : start + 16], y_train[start : start + 16]
            loss = F.cross_entropy(model(X), y)
            model.zero_grad()
            loss.backward()
            with torch.no_grad():
                for p in model.parameters():
                    p -= lr * p.grad
            epoch_losses.append(float(loss))
        history.append(sum(epoch_losses) / len(epoch_losses))
        print(epoch, history[-1])
    return history


# %% tags=["not-in-reference"]
mlp = MLP()
history = train(mlp, X_train, y_train, 2, 0.1)
