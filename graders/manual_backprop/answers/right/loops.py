# title: Loops over points and units

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
    return torch.stack([(a - b) ** 2 for a, b in zip(y.flatten(), y_.flatten())])


# %%
def backward(X, y, y_pred):
    w1, b1, w2 = weights_1[0].tolist(), bias_1.tolist(), weights_2[:, 0].tolist()
    H = len(b1)
    d_w1, d_b1, d_w2, d_b2 = [0.0] * H, [0.0] * H, [0.0] * H, 0.0
    for x, right, found in zip(X[:, 0].tolist(), y[:, 0].tolist(), y_pred[:, 0].tolist()):
        d = 2 * (found - right)
        d_b2 += d
        for j in range(H):
            z = x * w1[j] + b1[j]
            if z > 0:
                d_w2[j] += d * z
                d_b1[j] += d * w2[j]
                d_w1[j] += d * w2[j] * x
    return torch.tensor([d_w1]), torch.tensor(d_b1), torch.tensor(d_w2)[:, None], torch.tensor([d_b2])


# %%
def optimize(params, grads, lr):
    new = []
    for i in range(4):
        new.append(params[i] - lr * grads[i])
    return tuple(new)
