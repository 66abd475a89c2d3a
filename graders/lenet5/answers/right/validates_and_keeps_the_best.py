# title: Validation inside train, full batches only, a falling rate, the best weights put back

# %%
import copy

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

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
def train(model, X_train, y_train, epochs, device, batch_size=256):
    parts = random_split(TensorDataset(X_train, y_train), [0.8, 0.2])
    batches, others = (DataLoader(p, batch_size, shuffle=True, drop_last=d) for p, d in zip(parts, (True, False)))
    model.to(device)
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.97)
    history, best, kept = [], float("inf"), copy.deepcopy(model.state_dict())
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for X, y in batches:
            optimizer.zero_grad()
            loss = loss_function(model(X.to(device)), y.to(device))
            loss.backward()
            optimizer.step()
            total += loss.item()
        scheduler.step()
        history.append(total / len(batches))
        model.eval()
        with torch.no_grad():
            seen = sum(loss_function(model(X.to(device)), y.to(device)).item() for X, y in others)
        if seen < best:
            best, kept = seen, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return history


# %% tags=["not-in-reference"]
lenet5 = LeNet5()
history = train(lenet5, X_train, y_train, 12, device)
