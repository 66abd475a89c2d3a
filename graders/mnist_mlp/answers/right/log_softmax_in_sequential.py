# title: One nn.Sequential that ends in LogSoftmax, other widths, NLLLoss, batches of 100

# %%
import torch
from torch import nn

torch.manual_seed(0)

# %% tags=["not-in-reference"]
from torchvision import datasets

digits = datasets.MNIST("data", train=True, download=True)
X_train, y_train = digits.data[:10000].flatten(1).float() / 255, digits.targets[:10000]


# %%
class MLP(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Flatten(),
            nn.Linear(784, 64),
            nn.ReLU(),
            nn.Linear(64, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
            nn.LogSoftmax(dim=1),
        )


# %%
def train(model, X_train, y_train, epochs, lr):
    loss_function = nn.NLLLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    history = []
    for epoch in range(epochs):
        for batch in torch.randperm(len(X_train)).split(100):
            optimizer.zero_grad()
            loss = loss_function(model(X_train[batch]), y_train[batch])
            loss.backward()
            optimizer.step()
        history.append(loss.item())
    return history


# %% tags=["not-in-reference"]
mlp = MLP()
history = train(mlp, X_train, y_train, 6, 0.2)
