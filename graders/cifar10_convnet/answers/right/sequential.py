# title: Everything as nn.Sequential, other names; flips alone
# misses: augment-shifts

# %%
import torch
from torch import nn

torch.manual_seed(0)

# %% tags=["not-in-reference"]
from torchvision import datasets

cifar = datasets.CIFAR10("data", train=True, download=True)
X_train = torch.tensor(cifar.data[:2000]).permute(0, 3, 1, 2).float() / 255
y_train = torch.tensor(cifar.targets[:2000])


# %%
class Cifar10Net(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 64, 5),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 128, 3),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(4608, 128),
            nn.ReLU(),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )


# %%
class BetterNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(
            nn.Linear(4608, 128),
            nn.Dropout(),
            nn.ReLU(),
            nn.Linear(128, 64),
            nn.Dropout(),
            nn.ReLU(),
            nn.Linear(64, 10),
        )
        self.norms = nn.ModuleList([nn.BatchNorm2d(64), nn.BatchNorm2d(128)])
        self.convs = nn.ModuleList([nn.Conv2d(3, 64, 5), nn.Conv2d(64, 128, 3)])

    def forward(self, x):
        for conv, norm in zip(self.convs, self.norms):
            x = nn.functional.max_pool2d(norm(conv(x)).relu(), 2)
        return self.head(x.view(-1, 4608))


# %%
def augment(x):
    return torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, torch.flip(x, [3]), x)


# %%
def train(model, X_train, y_train, epochs, batch_size=64, augment=None):
    model.train()
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4)
    history = []
    for epoch in range(epochs):
        for batch in torch.randperm(len(X_train)).split(batch_size):
            X, y = X_train[batch], y_train[batch]
            if augment is not None:
                X = augment(X)
            optimizer.zero_grad()
            loss = loss_function(model(X), y)
            loss.backward()
            optimizer.step()
        history.append(loss.item())
    return history


# %% tags=["not-in-reference"]
cifar_net = Cifar10Net()
train(cifar_net, X_train, y_train, 2, 50)
