# title: Every call adds to the gradients of the last one
# loses: gradient-weights-1, gradient-bias-1, gradient-weights-2, gradient-bias-2, any-size
# hint: Your gradients grow from call to call: what is collected in a variable outside stays there. Begin with zeros in
#   every call.

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
kept = [0, 0, 0, 0]


def backward(X, y, y_pred):
    z = X @ weights_1 + bias_1
    h = torch.relu(z)
    d_pred = 2 * (y_pred - y)
    d_z = (d_pred @ weights_2.T) * (z > 0)
    new = X.T @ d_z, d_z.sum(0), h.T @ d_pred, d_pred.sum(0)
    for i in range(4):
        kept[i] = kept[i] + new[i]
    return list(kept)


# %%
def optimize(params, grads, lr):
    return [p - lr * g for p, g in zip(params, grads)]
