# title: Autograd does the work
# loses: gradient-weights-1, gradient-bias-1, gradient-weights-2, gradient-bias-2, any-size
# hint: Your gradients are right, but autograd made them. Work them out on paper and write them down: that is
#   the exercise.

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
    parameters = [p.clone().requires_grad_() for p in (weights_1, bias_1, weights_2, bias_2)]
    w1, b1, w2, b2 = parameters
    total = ((y - (torch.relu(X @ w1 + b1) @ w2 + b2)) ** 2).sum()
    total.backward()
    return [p.grad for p in parameters]


# %%
def optimize(params, grads, lr):
    return [p - lr * g for p, g in zip(params, grads)]
