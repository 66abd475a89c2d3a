# title: Two hundred steps
# loses: trained
# hint: Train on: 10 000 steps with lr 1e-3 over the summed loss, and keep the four parameters that come back.

# %%
import torch

torch.manual_seed(0)


def xor_points(n=1000, noise=0.1):
    corners = torch.randint(0, 2, (n, 2)).float()
    return corners + noise * torch.randn(n, 2), (corners[:, :1] != corners[:, 1:]).float()


X, y = xor_points()


# %%
def forward(X, weights_1, bias_1, weights_2, bias_2):
    hidden = torch.sigmoid(X @ weights_1 + bias_1)
    return torch.sigmoid(hidden @ weights_2 + bias_2)


# %%
def loss(y, y_):
    y_ = y_.clamp(1e-7, 1 - 1e-7)
    return -(y * y_.log() + (1 - y) * (1 - y_).log()).sum()


# %%
def train(X, y, weights_1, bias_1, weights_2, bias_2, lr=1e-3, steps=10_000):
    parameters = [p.detach().clone().requires_grad_() for p in (weights_1, bias_1, weights_2, bias_2)]
    losses = []
    for _ in range(steps):
        total = loss(y, forward(X, *parameters)).sum()
        total.backward()
        with torch.no_grad():
            for p in parameters:
                p -= lr * p.grad
                p.grad.zero_()
        losses.append(total.item())
    return *(p.detach() for p in parameters), losses


# %% tags=["not-in-reference"]
start = torch.randn(2, 16), torch.zeros(16), torch.randn(16, 1), torch.zeros(1)
weights_1, bias_1, weights_2, bias_2, losses = train(X, y, *start, steps=200)
