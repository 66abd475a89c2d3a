# title: nn.ModuleList, clamp for ReLU, softmax by hand

# %%
from collections import OrderedDict

import torch
from torch import nn


# %%
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(784, 128), nn.Linear(128, 64), nn.Linear(64, 10)])

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = layer(x).clamp(min=0)
        powers = torch.exp(self.layers[-1](x))
        return powers / powers.sum(dim=1, keepdim=True)


# %%
model = Network()
with torch.no_grad():
    for name, p in model.named_parameters():
        p.zero_() if name.endswith("bias") else p.normal_(0, 0.01)

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
