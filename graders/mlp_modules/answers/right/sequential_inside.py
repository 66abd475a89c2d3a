# title: A class that holds an nn.Sequential, and draws its weights in __init__

# %%
from collections import OrderedDict

from torch import nn


# %%
def begin(module):
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, mean=0.0, std=0.01)
        nn.init.zeros_(module.bias)


class Network(nn.Module):
    def __init__(self, sizes=(784, 128, 64, 10)):
        super().__init__()
        layers = []
        for n in range(len(sizes) - 1):
            layers += [nn.Linear(sizes[n], sizes[n + 1]), nn.ReLU()]
        self.net = nn.Sequential(*layers[:-1])
        self.apply(begin)

    def forward(self, x):
        return self.net(x.view(x.shape[0], -1)).softmax(dim=1)


# %%
model = Network()

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
