# title: Steps through .data, name by name

# %%
import torch

torch.manual_seed(0)


def xor_points(n=1000, noise=0.1):
    corners = torch.randint(0, 2, (n, 2)).float()
    return corners + noise * torch.randn(n, 2), (corners[:, :1] != corners[:, 1:]).float()


X, y = xor_points()


# %%
def forward(X, weights_1, bias_1, weights_2, bias_2):
    hidden = torch.sigmoid(X @ weights_1 + bias_1)
    return torch.sigmoid(hidden @ weights_2 + bias_2)


# %%
def loss(y, y_):
    y_ = y_.clamp(1e-7, 1 - 1e-7)
    return -(y * y_.log() + (1 - y) * (1 - y_).log()).sum()


# %%
def train(X, y, weights_1, bias_1, weights_2, bias_2, lr=1e-3, steps=10_000):
    weights_1 = weights_1.clone().detach().requires_grad_(True)
    bias_1 = bias_1.clone().detach().requires_grad_(True)
    weights_2 = weights_2.clone().detach().requires_grad_(True)
    bias_2 = bias_2.clone().detach().requires_grad_(True)
    losses = []
    for i in range(steps):
        y_ = forward(X, weights_1, bias_1, weights_2, bias_2)
        value = loss(y, y_).sum()
        value.backward()
        weights_1.data -= lr * weights_1.grad
        bias_1.data -= lr * bias_1.grad
        weights_2.data -= lr * weights_2.grad
        bias_2.data -= lr * bias_2.grad
        weights_1.grad = bias_1.grad = weights_2.grad = bias_2.grad = None
        losses.append(value.detach().numpy())
    return weights_1, bias_1, weights_2, bias_2, losses


# %%
# Weights as after a training, without the wait: of two hidden units the first one asks whether a coordinate is 1, the
# second whether both are.
weights_1, bias_1, weights_2, bias_2 = (
    torch.zeros(2, 16),
    torch.zeros(16),
    torch.zeros(16, 1),
    torch.tensor([-6.0]),
)
weights_1[:, :2] = 12.0
bias_1[:2] = torch.tensor([-6.0, -18.0])
weights_2[:2, 0] = torch.tensor([12.0, -12.0])
