# title: Trained inside a function that keeps the result to itself
# loses: trained
# hint: So high a loss is that of weights hardly trained, or by wrong gradients: see their criteria first. Do the new
#   parameters reach the four globals after each step, with lr 1e-4 and 50 000 steps?

# %%
import torch

torch.manual_seed(0)

# %%
X = (torch.arange(100) / 100 - 0.5).repeat(5)[:, None]
y = 1 / (1 + torch.exp(-10 * X))
y = y + torch.normal(0, 0.05, size=y.shape)

# %%
weights_1 = (torch.rand(1, 64) - 0.5) / 10
bias_1 = torch.zeros(64)
weights_2 = (torch.rand(64, 1) - 0.5) / 10
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
    h = torch.relu(z)
    d_pred = 2 * (y_pred - y)
    d_z = (d_pred @ weights_2.T) * (z > 0)
    return X.T @ d_z, d_z.sum(0), h.T @ d_pred, d_pred.sum(0)


# %%
def optimize(params, grads, lr):
    return [p - lr * g for p, g in zip(params, grads)]


# %% tags=["not-in-reference"]
def train(steps):
    params = [weights_1, bias_1, weights_2, bias_2]
    for step in range(steps):
        params = optimize(params, backward(X, y, forward(X)), 1e-4)
    return params


train(100)
