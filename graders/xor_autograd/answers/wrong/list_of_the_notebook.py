# title: The list of losses is a global
# loses: history

# %%
import torch

torch.manual_seed(0)
torch.set_num_threads(1)
corners = torch.randint(0, 2, (1000, 2)).float()
X, y = corners + 0.1 * torch.randn(1000, 2), (corners[:, :1] != corners[:, 1:]).float()


# %%
def forward(X, weights_1, bias_1, weights_2, bias_2):
    hidden = torch.sigmoid(X @ weights_1 + bias_1)
    return torch.sigmoid(hidden @ weights_2 + bias_2)


# %%
def loss(y, y_):
    sure = y_.clamp(1e-7, 1 - 1e-7)
    return -(y * sure.log() + (1 - y) * (1 - sure).log()).sum()


# %%
losses = []


def train(X, y, weights_1, bias_1, weights_2, bias_2, lr=1e-3, steps=10_000):
    parameters = [p.detach().clone().requires_grad_() for p in (weights_1, bias_1, weights_2, bias_2)]
    for k in range(steps):
        total = loss(y, forward(X, *parameters)).sum()
        total.backward()
        with torch.no_grad():
            for p in parameters:
                p -= lr * p.grad
                p.grad.zero_()
        losses.append(total.item())
    return *(p.detach() for p in parameters), losses


# %%
weights_1, bias_1 = torch.zeros(2, 16), torch.zeros(16)
weights_2, bias_2 = torch.zeros(16, 1), torch.tensor([-6.0])
weights_1[:, :2] = 12.0
bias_1[:2] = torch.tensor([-6.0, -18.0])
weights_2[:2, 0] = torch.tensor([12.0, -12.0])
