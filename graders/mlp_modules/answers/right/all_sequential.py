# title: A function for Network, add_module, an exponential of log_softmax, classes for the last two

# %%

import torch
import torch.nn.functional as F
from torch import nn


# %%
def Network():
    net = nn.Sequential()
    net.add_module("fc1", nn.Linear(784, 128))
    net.add_module("relu1", nn.ReLU())
    net.add_module("fc2", nn.Linear(128, 64))
    net.add_module("relu2", nn.ReLU())
    net.add_module("fc3", nn.Linear(64, 10))
    net.add_module("softmax", nn.Softmax(1))
    return net


# %%
model = Network()
for layer in (model.fc1, model.fc2, model.fc3):
    layer.bias.data.fill_(0)
    layer.weight.data.normal_(std=0.01)

# %%
sequential = nn.Sequential(
    nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10), nn.Softmax(dim=1)
)

# %%
ordered = Network()


# %%
class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 32)
        self.second = nn.Linear(32, 10, bias=False)

    def forward(self, x):
        return self.second(self.first(x))


two_layers = Two()


# %%
class Three(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(256, 64), nn.Linear(64, 16), nn.Linear(16, 4)

    def forward(self, x):
        x = torch.tanh(self.b(self.a(x).relu()))
        return F.log_softmax(self.c(x), dim=1).exp()


three_layers = Three()
