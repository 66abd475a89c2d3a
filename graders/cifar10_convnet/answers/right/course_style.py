# title: A DataLoader, AdamW, prints; the better network, scaled by preprocess

# %%
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)

# %% tags=["not-in-reference"]
from torchvision import datasets

cifar = datasets.CIFAR10("data", train=True, download=True)
X_train = torch.tensor(cifar.data[:2000]).permute(0, 3, 1, 2).float() / 255
y_train = torch.tensor(cifar.targets[:2000])


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
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 128, 3)
        self.bn2 = nn.BatchNorm2d(128)
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
from torchvision import transforms

one = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.RandomCrop(32, padding=4)])


def augment(x):
    return torch.stack([one(picture) for picture in x])


def preprocess(x):
    return (x - 0.5) / 0.5


# %%
def train(model, X_train, y_train, epochs, batch_size=64, augment=None):
    loader = DataLoader(
        TensorDataset(X_train, y_train), batch_size=batch_size, shuffle=True, drop_last=len(X_train) > 500
    )
    optimizer = optim.AdamW(model.parameters(), lr=0.001, weight_decay=1e-4)
    losses = []
    for epoch in range(epochs):
        model.train()
        running_loss = 0.0
        for i, (inputs, labels) in enumerate(loader):
            if augment:
                inputs = augment(inputs)
            optimizer.zero_grad()
            outputs = model(inputs)
            loss = nn.functional.cross_entropy(outputs, labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        losses.append(running_loss / (i + 1))
        print("epoch", epoch + 1, "loss", losses[-1])
    print("Finished training")
    return losses


# %% tags=["not-in-reference"]
cifar_net = BetterNet()
history = train(cifar_net, preprocess(X_train), y_train, 2, augment=augment)
cifar_net.eval()
