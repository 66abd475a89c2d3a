# title: Each image normalised by its own mean and deviation
# loses: normalisation
# hint: Mean and deviation are fixed numbers, the same for every image.

# %%
import torch
from torch import nn

torch.manual_seed(0)
CLASSES = [23, 60, 25]

# %% tags=["not-in-reference"]
from torchvision import datasets


def pick(dataset):
    numbers = torch.tensor(dataset.targets)
    chosen = torch.isin(numbers, torch.tensor(CLASSES))
    labels = [CLASSES.index(int(n)) for n in numbers[chosen]]
    return torch.tensor(dataset.data)[chosen].float(), torch.tensor(labels)


X_train, y_train = pick(datasets.CIFAR100("data", train=True, download=True))
X_test, y_test = pick(datasets.CIFAR100("data", train=False, download=True))


# %%
class Cifar100_MLP(nn.Module):
    def __init__(self, hidden_size, classes):
        super().__init__()
        self.fc1 = nn.Linear(3072, hidden_size)
        self.fc2 = nn.Linear(hidden_size, classes)

    def forward(self, x):
        spots = (1, 2, 3)
        x = (x - x.mean(dim=spots, keepdim=True)) / x.std(dim=spots, keepdim=True)
        x = x.reshape(len(x), -1)
        x = torch.relu(self.fc1(x))
        return self.fc2(x)


# %% tags=["not-in-reference"]
def accuracy(model, X, y):
    model.eval()
    return float((model(X).argmax(1) == y).float().mean())


model = Cifar100_MLP(32, 3)
loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(25):
    model.train()
    for batch in torch.randperm(len(X_train)).split(64):
        optimizer.zero_grad()
        loss_function(model(X_train[batch]), y_train[batch]).backward()
        optimizer.step()

# %% tags=["not-in-reference"]
row = {"config": "FC(32), FC(3)", "lr": 1e-3, "batch_size": 64, "epochs": 25, "comment": "Adam"}
results = [{**row, "train": accuracy(model, X_train, y_train), "test": accuracy(model, X_test, y_test)}]
