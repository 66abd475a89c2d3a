# title: All hidden units begin alike
# loses: trained

# %%
import torch

torch.manual_seed(0)

# %%
X = (torch.arange(100) / 100 - 0.5).repeat(5)[:, None]
y = 1 / (1 + torch.exp(-10 * X))
y = y + torch.normal(0, 0.05, size=y.shape)

# %%
weights_1 = torch.full((1, 64), 0.05)
bias_1 = torch.zeros(64)
weights_2 = torch.full((64, 1), 0.05)
bias_2 = torch.zeros(1)


# %%
def forward(x):
    return torch.relu(x @ weights_1 + bias_1) @ weights_2 + bias_2


# %%
def loss(y, y_):
    return ((y - y_) ** 2).sum()


# %%
def backward(X, y, y_pred):
    z = X @ weights_1 + bias_1
    d_pred = 2 * (y_pred - y)
    d_z = (d_pred @ weights_2.T) * (z > 0)
    return X.T @ d_z, d_z.sum(0), torch.relu(z).T @ d_pred, d_pred.sum(0)


# %%
def optimize(params, grads, lr):
    return [p - lr * g for p, g in zip(params, grads)]


# %% tags=["not-in-reference"]
for step in range(5000):
    grads = backward(X, y, forward(X))
    weights_1, bias_1, weights_2, bias_2 = optimize([weights_1, bias_1, weights_2, bias_2], grads, 1e-4)
