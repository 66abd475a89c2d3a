# title: A DataLoader that shuffles, and an average over the batches

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
from torch.utils.data import DataLoader, TensorDataset


def train(net, X, y, num_epochs, learning_rate):
    net.train()
    loader = DataLoader(TensorDataset(X, y), batch_size=32, shuffle=True, drop_last=True)
    criterion, opt = nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), learning_rate)
    losses = []
    for _ in range(num_epochs):
        running_loss = 0
        for images, labels in loader:
            images = images.view(images.shape[0], -1)
            opt.zero_grad()
            output = net.forward(images)
            loss = criterion(output, labels)
            loss.backward()
            opt.step()
            running_loss += loss.item()
        losses.append(running_loss / len(loader))
    return losses


# %% tags=["not-in-reference"]
mlp = MLP()
history = train(mlp, X_train, y_train, 3, 0.1)
