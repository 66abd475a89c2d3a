# title: The X of the notebook in place of the argument
# loses: gradient-weights-1, any-size
# borrows: X
# hint: Your backward calls its first argument x and works with X, the data of the notebook. It happens to fit these
#   alone.

# %%
import torch

# %%
X = (torch.arange(100) / 100 - 0.5).repeat(5)[:, None]

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
def backward(x, y, y_pred):
    z = x @ weights_1 + bias_1
    h = torch.relu(z)
    d_pred = 2 * (y_pred - y)
    d_z = (d_pred @ weights_2.T) * (z > 0)
    return X.T @ d_z, d_z.sum(0), h.T @ d_pred, d_pred.sum(0)


# %%
def optimize(params, grads, lr):
    return [p - lr * g for p, g in zip(params, grads)]
