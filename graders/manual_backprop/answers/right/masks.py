# title: Everything by masks and broadcasting

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
    z = x * weights_1 + bias_1
    return (z * (z > 0)).mm(weights_2) + bias_2


# %%
def loss(y, y_):
    return ((y - y_) ** 2).sum(dim=1)


# %%
def backward(X, y, y_pred):
    z = X * weights_1 + bias_1
    on = (z > 0).to(z.dtype)
    r = y_pred - y
    d_z = 2 * r * weights_2.view(1, -1) * on
    return [(X * d_z).sum(0, keepdim=True), d_z.sum(0), (2 * r * z * on).sum(0).view(-1, 1), 2 * r.sum().view(1)]


# %%
def optimize(params, grads, lr):
    return [p - lr * g for p, g in zip(params, grads)]
