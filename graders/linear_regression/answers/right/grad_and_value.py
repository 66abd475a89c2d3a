# title: Gradients by torch.func

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
from torch.func import grad_and_value


def fit(x, y, w, b, lr=0.05, stop=0.3, max_steps=1000):
    losses = []
    step = grad_and_value(lambda w, b: mse(predict(x, w, b), y), argnums=(0, 1))
    for k in range(max_steps):
        (dw, db), value = step(w, b)
        losses.append(float(value))
        if value < stop:
            break
        w, b = w - lr * dw, b - lr * db
    return w, b, losses


# %%
w, b, losses = fit(x, y, torch.zeros(1), torch.zeros(1))
