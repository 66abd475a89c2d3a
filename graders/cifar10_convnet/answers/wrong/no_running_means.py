# title: Batch norms without running means
# loses: better-network, test-accuracy, kept-accuracy

# %%
import torch
from torch import nn

torch.manual_seed(0)


# %%
class Cifar10Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 5)
        self.conv2 = nn.Conv2d(64, 128, 3)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(4608, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        x = x.flatten(1)
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.fc3(x)


# %%
class BetterNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 5)
        self.bn1 = nn.BatchNorm2d(64, track_running_stats=False)
        self.conv2 = nn.Conv2d(64, 128, 3)
        self.bn2 = nn.BatchNorm2d(128, track_running_stats=False)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(4608, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, 10)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        x = self.pool(torch.relu(self.bn1(self.conv1(x))))
        x = self.pool(torch.relu(self.bn2(self.conv2(x))))
        x = x.flatten(1)
        x = self.dropout(torch.relu(self.fc1(x)))
        x = self.dropout(torch.relu(self.fc2(x)))
        return self.fc3(x)


# %%
def augment(x):
    flipped = torch.rand(len(x), 1, 1, 1) < 0.5
    x = torch.where(flipped, x.flip(3), x)
    down, right = torch.randint(-4, 5, (2,)).tolist()
    wide = nn.functional.pad(x, (4, 4, 4, 4))
    return wide[:, :, 4 + down : 36 + down, 4 + right : 36 + right]


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
            loss = loss_function(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        history.append(loss.item())
    return history


# %% tags=["not-in-reference"]
cifar_net = Cifar10Net()
