# title: The gradients by a formula
# loses: by-autograd

# %%
import torch

torch.manual_seed(0)
x = 4 * torch.rand(500) - 2
y = 2.5 * x - 1 + 0.5 * torch.randn(500)


# %%
def predict(x, w, b):
    return w * x + b


# %%
def mse(y_pred, y):
    return ((y_pred - y) ** 2).mean()


# %%
def fit(x, y, w, b, lr=0.05, stop=0.3, max_steps=1000):
    losses = []
    for _ in range(max_steps):
        away = w * x + b - y
        losses.append(float((away**2).mean()))
        if losses[-1] < stop:
            break
        w = w - lr * 2 * (away * x).mean()
        b = b - lr * 2 * away.mean()
    return w, b, losses


# %%
w, b, losses = fit(x, y, torch.zeros(1), torch.zeros(1))
