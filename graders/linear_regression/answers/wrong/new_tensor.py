# title: Each step makes a new tensor without a gradient
# loses: one-step, several-steps, history, stops, by-autograd, trained, any-data, arguments-unchanged
# hint: w = w - lr * w.grad is another tensor, and its .grad is None: backward does not fill it. Move the old
#   one with -=.

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
        loss = mse(predict(x, w, b), y)
        losses.append(loss.item())
        if loss < stop:
            break
        loss.backward()
        with torch.no_grad():
            w = w - lr * w.grad
            b = b - lr * b.grad
        w.grad.zero_()
        b.grad.zero_()
    return w.detach(), b.detach(), losses


# %% tags=["not-in-reference"]
w, b, losses = fit(x, y, torch.zeros(1), torch.zeros(1))
