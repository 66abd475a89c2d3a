# title: Two softmaxes behind each other
# loses: joined-network

# %%
import torch
from torch import nn

# %%
conv_net = nn.Sequential(
    nn.Conv2d(3, 8, 2),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 2),
    nn.ReLU(),
    nn.MaxPool2d(2),
)

# %%
joined_net = nn.Sequential(
    conv_net,
    nn.Flatten(),
    nn.Linear(256, 64),
    nn.ReLU(),
    nn.Linear(64, 16),
    nn.Tanh(),
    nn.Linear(16, 4),
    nn.Softmax(dim=1),
    nn.Softmax(dim=1),
)


# %%
class SimpleConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(256, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        x = x.flatten(1)
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.fc3(x)
