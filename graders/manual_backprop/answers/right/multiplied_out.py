# title: The brackets multiplied out: answers and predictions apart

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
def backward(X, y, y_pred):
    z = X @ weights_1 + bias_1
    h = torch.relu(z)
    d_z = 2 * ((y_pred @ weights_2.T) - (y @ weights_2.T)) * (z > 0)
    dW2 = 2 * (h.T @ y_pred - h.T @ y)
    return X.T @ d_z, d_z.sum(0), dW2, 2 * (y_pred.sum(0) - y.sum(0))


# %%
def optimize(params, grads, lr):
    return [p - lr * g for p, g in zip(params, grads)]
