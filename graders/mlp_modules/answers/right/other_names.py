# title: Layers with names of one's own

# %%
from collections import OrderedDict

import torch.nn.functional as F
from torch import nn


# %%
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden1 = nn.Linear(784, 128)
        self.hidden2 = nn.Linear(128, 64)
        self.output = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.hidden1(x))
        x = F.relu(self.hidden2(x))
        return F.softmax(self.output(x), dim=1)


# %%
model = Network()
for layer in (model.hidden1, model.hidden2, model.output):
    layer.bias.data.fill_(0)
    layer.weight.data.normal_(std=0.01)

# %%
sequential = nn.Sequential(
    nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10), nn.Softmax(dim=1)
)

# %%
ordered = nn.Sequential(
    OrderedDict(
        [
            ("hidden1", nn.Linear(784, 128)),
            ("relu1", nn.ReLU()),
            ("hidden2", nn.Linear(128, 64)),
            ("relu2", nn.ReLU()),
            ("output", nn.Linear(64, 10)),
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
