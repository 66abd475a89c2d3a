# title: torch.autograd.grad, and new tensors in each step

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
    history = []
    for step in range(max_steps):
        w, b = (p.detach().requires_grad_() for p in (w, b))
        loss = mse(predict(x, w, b), y)
        history.append(float(loss))
        dw, db = torch.autograd.grad(loss, [w, b])
        w, b = w - lr * dw, b - lr * db
        if history[-1] < stop:
            break
    return w.detach(), b.detach(), history


# %%
w, b, losses = fit(x, y, torch.zeros(1), torch.zeros(1))
