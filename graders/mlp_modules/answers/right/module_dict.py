# title: A ModuleDict, torch.maximum and a softmax by hand; weights copied in

# %%
from collections import OrderedDict

import torch
from torch import nn


# %%
class Network(nn.Module):
    def __init__(self, n_in=784, hidden=(128, 64), n_out=10):
        super().__init__()
        self.d = nn.ModuleDict(
            {
                "output": nn.Linear(hidden[1], n_out),
                "hidden2": nn.Linear(hidden[0], hidden[1]),
                "hidden1": nn.Linear(n_in, hidden[0]),
            }
        )

    def forward(self, x):
        x = torch.max(self.d["hidden1"](x), torch.tensor(0.0))
        x = torch.maximum(self.d["hidden2"](x), torch.zeros(1))
        e = torch.exp(self.d["output"](x) - 5)
        return e / e.sum(dim=1, keepdim=True)


# %%
model = Network()
with torch.no_grad():
    for name, p in model.named_parameters():
        if "bias" in name:
            p.zero_()
        else:
            p.copy_(torch.randn(p.shape) * 0.01)


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
