# title: A while loop that stops behind the step

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
    losses, loss = [], float("inf")
    while loss >= stop and len(losses) < max_steps:
        current = mse(predict(x, w, b), y)
        current.backward()
        w.data = w.data - lr * w.grad
        b.data = b.data - lr * b.grad
        w.grad, b.grad = None, None
        loss = current.item()
        losses += [loss]
    return [w, b, losses]


# %%
w, b, losses = fit(x, y, torch.zeros(1), torch.zeros(1))
