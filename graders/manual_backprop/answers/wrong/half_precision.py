# title: Everything in half precision
# loses: forward-values, gradient-weights-1, gradient-bias-1, gradient-weights-2, gradient-bias-2, any-size
# hint: Half precision keeps three digits, and sums over hundreds of points lose them. Stay in float32.

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
    a, b, c, d = weights_1.half(), bias_1.half(), weights_2.half(), bias_2.half()
    return torch.relu(x.half() @ a + b) @ c + d


# %%
def loss(y, y_):
    return ((y - y_) ** 2).sum()


# %%
def backward(X, y, y_pred):
    a, b, c = weights_1.half(), bias_1.half(), weights_2.half()
    X = X.half()
    z = X @ a + b
    d_pred = (2 * (y_pred - y)).half()
    d_z = (d_pred @ c.T) * (z > 0)
    return X.T @ d_z, d_z.sum(0), torch.relu(z).T @ d_pred, d_pred.sum(0)


# %%
def optimize(params, grads, lr):
    return [p - lr * g for p, g in zip(params, grads)]
