# title: One more hidden layer, 64 to 64
# loses: network-size, same-network
# hint: 4160 parameters too many are a layer of 64 to 64: three linear layers are asked for.

# %%
from collections import OrderedDict

import torch.nn.functional as F
from torch import nn


# %%
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, 10)
        self.fc4 = nn.Linear(64, 64)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        x = F.relu(self.fc4(x))
        return F.softmax(self.fc3(x), dim=1)


# %%
model = nn.Sequential(
    nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10), nn.Softmax(dim=1)
)
for number in (0, 2, 4):
    nn.init.zeros_(model[number].bias)
    nn.init.normal_(model[number].weight, 0, 0.01)

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
