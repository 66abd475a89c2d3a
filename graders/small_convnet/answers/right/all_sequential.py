# title: Everything as nn.Sequential

# %%
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
SimpleConvNet = nn.Sequential(
    nn.Conv2d(1, 6, 5),
    nn.ReLU(),
    nn.MaxPool2d(2, 2),
    nn.Conv2d(6, 16, 5),
    nn.ReLU(),
    nn.MaxPool2d(2, 2),
    nn.Flatten(),
    nn.Linear(256, 120),
    nn.ReLU(),
    nn.Linear(120, 84),
    nn.ReLU(),
    nn.Linear(84, 10),
)
