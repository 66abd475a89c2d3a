# title: Activations as modules, softmax over the last dimension, other order of definition

# %%
from collections import OrderedDict

import torch
from torch import nn


# %%
class Network(nn.Module):
    def __init__(self):
        super(Network, self).__init__()
        self.softmax = nn.Softmax(dim=-1)
        self.output = nn.Linear(64, 10)
        self.layer2 = nn.Linear(128, 64)
        self.layer1 = nn.Linear(784, 128)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        print(x.shape)
        x = self.layer1(x)
        x = self.relu(x)
        x = self.layer2(x)
        x = self.relu(x)
        x = self.output(x)
        x = self.softmax(x)
        return x


# %%
model = Network()
model.layer1.bias.data.zero_()
model.layer2.bias.data.zero_()
model.output.bias.data.zero_()
model.layer1.weight.data = torch.randn(128, 784) * 0.01
model.layer2.weight.data = torch.randn(64, 128) * 0.01
model.output.weight.data = torch.randn(10, 64) * 0.01

# %%
sequential = nn.Sequential(
    nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10), nn.Softmax(dim=1)
)

# %%
ordered = nn.Sequential(
    OrderedDict(
        [
            ("fc1", nn.Linear(784, 128)),
            ("relu1", nn.ReLU()),
            ("fc2", nn.Linear(128, 64)),
            ("relu2", nn.ReLU()),
            ("fc3", nn.Linear(64, 10)),
            ("softmax", nn.Softmax(dim=1)),
        ]
    )
)

# %%
two_layers = nn.Sequential(nn.Linear(64, 32), nn.Linear(32, 10, bias=False))

# %%
three_layers = nn.Sequential(
    nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 4), nn.Softmax(dim=1)
)
