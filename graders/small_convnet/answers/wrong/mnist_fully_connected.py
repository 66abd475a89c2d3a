# title: 44 426 parameters of something else
# loses: mnist-network

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
)


# %%
class SimpleConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(784, 55)
        self.last = nn.Linear(55, 10)
        self.unused = nn.Parameter(torch.zeros(691))

    def forward(self, x):
        return self.last(torch.relu(self.first(x.flatten(1))))
