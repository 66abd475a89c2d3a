# title: A DataLoader that drops the last batch, and pixels scaled by preprocess

# %%
import torch
from torch import nn

torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

# %% tags=["not-in-reference"]
from torchvision import datasets

digits = datasets.MNIST("data", train=True, download=True)
X_train, y_train = digits.data[:12000].unsqueeze(1).float(), digits.targets[:12000]


# %%
class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.pool = nn.AvgPool2d(2)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = self.pool(torch.tanh(self.conv1(x)))
        x = self.pool(torch.tanh(self.conv2(x)))
        x = x.flatten(1)
        x = torch.tanh(self.fc1(x))
        x = torch.tanh(self.fc2(x))
        return self.fc3(x)


# %%
def preprocess(x):
    return x / 255


# %%
from torch.utils.data import DataLoader, TensorDataset


def train(model, X_train, y_train, epochs, device):
    loader = DataLoader(TensorDataset(X_train, y_train), batch_size=20, shuffle=True, drop_last=True)
    model.to(device).train()
    optimizer = torch.optim.Adam(model.parameters())
    history = []
    for _ in range(epochs):
        losses = []
        for X, y in loader:
            X, y = X.to(device), y.to(device)
            loss = nn.functional.cross_entropy(model(X), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.detach())
        history.append(float(torch.stack(losses).mean()))
    return history


# %% tags=["not-in-reference"]
lenet5 = LeNet5()
history = train(lenet5, preprocess(X_train), y_train, 2, device)
