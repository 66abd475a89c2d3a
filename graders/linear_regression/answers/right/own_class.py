# title: A class of one's own that is called SGD

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
class SGD:
    def __init__(self, params, lr):
        self.params, self.lr = list(params), lr

    def step(self):
        for p in self.params:
            p.data = p.data - self.lr * p.grad

    def zero_grad(self):
        for p in self.params:
            p.grad = None


def fit(x, y, w, b, lr=0.05, stop=0.3, max_steps=1000):
    w, b = (torch.tensor(v.tolist(), requires_grad=True) for v in (w, b))
    optimizer = SGD([w, b], lr)
    history = []
    i = 0
    while i < max_steps and (not history or history[-1] >= stop):
        optimizer.zero_grad()
        L = mse(predict(x, w, b), y)
        L.backward()
        optimizer.step()
        history += [L.item()]
        i += 1
    return w, b, history


# %%
w, b, losses = fit(x, y, torch.zeros(1), torch.zeros(1))
