# title: torch.optim by another name
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
from torch.optim import SGD as Descent


def fit(x, y, w, b, lr=0.05, stop=0.3, max_steps=1000):
    w = w.detach().clone().requires_grad_()
    b = b.detach().clone().requires_grad_()
    o = Descent([w, b], lr=lr)
    losses = []
    for _ in range(max_steps):
        loss = mse(predict(x, w, b), y)
        losses.append(loss.item())
        if loss < stop:
            break
        loss.backward()
        o.step()
        o.zero_grad()
    return w.detach(), b.detach(), losses


# %%
w, b, losses = fit(x, y, torch.zeros(1), torch.zeros(1))
