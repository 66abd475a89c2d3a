# title: A function for the step

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
def step(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            p.sub_(p.grad, alpha=lr)
            p.grad = None


def fit(x, y, w, b, lr=0.05, stop=0.3, max_steps=1000):
    theta = [w.clone().detach().requires_grad_(True), b.clone().detach().requires_grad_(True)]
    losses = []
    for i in range(max_steps):
        loss = mse(predict(x, *theta), y)
        loss.backward()
        step(theta, lr)
        losses.append(loss.item())
        if loss.item() <= stop:
            break
    return (*theta, losses)


# %%
w, b, losses = fit(x, y, torch.randn(1), torch.randn(1), lr=0.1)
