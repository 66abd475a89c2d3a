# title: Helpers of one's own, one of them called grad

# %%
import torch

# %%
# Weights as after a training, without the wait: a line with a bend at every knot of the curve.
knots = torch.linspace(-0.5, 0.5, 65)
heights = torch.sigmoid(10 * knots)
slopes = (heights[1:] - heights[:-1]) * 64

weights_1 = torch.ones(1, 64)
bias_1 = -knots[:64]
weights_2 = torch.cat([slopes[:1], slopes[1:] - slopes[:-1]])[:, None]
bias_2 = heights[:1]


# %%
def forward(x):
    return torch.relu(x @ weights_1 + bias_1) @ weights_2 + bias_2


# %%
def loss(y, y_):
    return ((y - y_) ** 2).sum()


# %%
def relu_slope(z):
    return torch.heaviside(z, torch.zeros(1, dtype=z.dtype))


def grad(y, y_pred):
    return 2 * (y_pred - y)


def backward(X, y, y_pred):
    z = X.matmul(weights_1).add(bias_1)
    d = grad(y, y_pred)
    d_z = torch.matmul(d, weights_2.t()) * relu_slope(z)
    ones = torch.ones(1, len(X), dtype=X.dtype)
    return torch.mm(X.t(), d_z), (ones @ d_z)[0], torch.mm(z.relu().t(), d), (ones @ d)[0]


# %%
def optimize(params, grads, lr):
    return [p - lr * g for p, g in zip(params, grads)]
