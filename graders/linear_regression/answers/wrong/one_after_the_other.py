# title: b moves by a gradient taken behind the step of w
# loses: one-step, several-steps, any-data
# hint: b moved by a gradient that was taken after w had moved. One backward gives both gradients, at the
#   same place.

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
        for p in (w, b):
            (g,) = torch.autograd.grad(mse(predict(x, w, b), y), p)
            p.data -= lr * g
    return w.detach(), b.detach(), losses


# %%
w, b, losses = fit(x, y, torch.zeros(1), torch.zeros(1))
