# title: The loss is measured behind the step

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
    w = w.detach().clone().requires_grad_()
    b = b.detach().clone().requires_grad_()
    losses = []
    for _ in range(max_steps):
        mse(predict(x, w, b), y).backward()
        with torch.no_grad():
            for p in (w, b):
                p -= lr * p.grad
                p.grad.zero_()
            losses.append(mse(predict(x, w, b), y).item())
        if losses[-1] < stop:
            break
    return w, b, losses


# %%
w, b, losses = fit(x, y, torch.zeros(1), torch.zeros(1))
