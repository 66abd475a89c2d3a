# title: The start is written in
# loses: one-step, several-steps, history, any-data
# hint: Every descent of yours starts from 0. Start from the w and b that are handed over.

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
    w = torch.zeros(1).requires_grad_()
    b = torch.zeros(1).requires_grad_()
    losses = []
    for _ in range(max_steps):
        loss = mse(predict(x, w, b), y)
        losses.append(loss.item())
        if loss < stop:
            break
        loss.backward()
        with torch.no_grad():
            w -= lr * w.grad
            b -= lr * b.grad
        w.grad.zero_()
        b.grad.zero_()
    return w.detach(), b.detach(), losses


# %%
w, b, losses = fit(x, y, torch.zeros(1), torch.zeros(1))
