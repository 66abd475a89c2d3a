# title: Everything as classes of one's own

# %%
import torch
import torch.nn.functional as F
from torch import nn


# %%
class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, kernel_size=(2, 2))
        self.second = nn.Conv2d(8, 16, kernel_size=(2, 2))

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.first(x)), 2)
        return F.max_pool2d(F.relu(self.second(x)), 2)


conv_net = ConvNet()


# %%
class JoinedNet(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.out = nn.Linear(16, 4)
        self.b = nn.Linear(64, 16)
        self.a = nn.Linear(256, 64)
        self.features = features

    def forward(self, x):
        x = self.features(x)
        x = x.view(x.size(0), -1)
        x = torch.tanh(self.b(F.relu(self.a(x))))
        return F.softmax(self.out(x), dim=-1)


joined_net = JoinedNet(conv_net)


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
