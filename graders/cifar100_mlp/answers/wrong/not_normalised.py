# title: Raw pixels
# loses: normalisation, train-accuracy, test-accuracy, new-accuracy, accuracy-bands
# hint: Divide the pixels by 255, subtract the mean of their colour and divide by its standard deviation, inside
#   the network: it is given 0 to 255.

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
        x = x.reshape(len(x), -1)
        x = torch.relu(self.fc1(x))
        return self.fc2(x)


# %% tags=["not-in-reference"]
def accuracy(model, X, y):
    return float((model(X).argmax(1) == y).float().mean())


model = Cifar100_MLP(32, 3)
with torch.no_grad():
    model.fc2.weight.zero_()

# %% tags=["not-in-reference"]
row = {"config": "FC(32), FC(3)", "lr": 1e-3, "batch_size": 64, "epochs": 15, "comment": "Adam"}
results = [{**row, "train": accuracy(model, X_train, y_train), "test": accuracy(model, X_test, y_test)}]
