# title: The course's own history, momentum, CLASSES as a list of tensors, numbers as tensors

# %%
import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
CLASSES = [torch.tensor(8 + 15), torch.tensor(4 + 56), torch.tensor(4 + 21)]

# %% tags=["not-in-reference"]
from torchvision import datasets


def pick(dataset):
    numbers = np.array(dataset.targets)
    chosen = np.isin(numbers, CLASSES)
    _, labels = np.unique(numbers[chosen], return_inverse=True)
    return torch.tensor(dataset.data[chosen]).float(), torch.tensor(labels)


X_train, y_train = pick(datasets.CIFAR100("data", train=True, download=True))
X_test, y_test = pick(datasets.CIFAR100("data", train=False, download=True))


# %%
class Normalize(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.mean = torch.tensor(mean)
        self.std = torch.tensor(std)

    def forward(self, input):
        x = input / 255.0
        x = x - self.mean
        x = x / self.std
        return torch.flatten(x, start_dim=1)


class Cifar100_MLP(nn.Module):
    def __init__(self, hidden_size=32, classes=100):
        super(Cifar100_MLP, self).__init__()
        self.norm = Normalize([0.5074, 0.4867, 0.4411], [0.2011, 0.1987, 0.2025])
        self.seq = nn.Sequential(
            nn.Linear(32 * 32 * 3, hidden_size),
            nn.ReLU(),
            nn.Linear(hidden_size, classes),
        )

    def forward(self, input):
        x = self.norm(input)
        return self.seq(x)


# %% tags=["not-in-reference"]
def accuracy(model, X, y):
    model.eval()
    return float((model(X).argmax(1) == y).float().mean())


model = Cifar100_MLP(32, 3)
loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.005, momentum=0.9)
losses_val = []
for epoch in range(20):
    model.train()
    for batch in torch.randperm(len(X_train)).split(64):
        optimizer.zero_grad()
        loss_function(model(X_train[batch]), nn.functional.one_hot(y_train[batch], 3).float()).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        tmp = [(loss_function(model(X_test), y_test).item(), 100 * accuracy(model, X_test, y_test))]
    losses_val.append((np.mean(tmp, axis=0), np.percentile(tmp, 25, axis=0), np.percentile(tmp, 75, axis=0)))

# %% tags=["not-in-reference"]
row = {"config": "FC(32), FC(3)", "lr": 0.005, "batch_size": 64, "epochs": 20, "momentum": 0.9, "comment": ""}
results = [
    {
        **row,
        "hidden": np.array([32]),
        "train": torch.tensor([accuracy(model, X_train, y_train)]),
        "test": accuracy(model, X_test, y_test),
    }
]
