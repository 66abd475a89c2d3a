# title: Only the second layer is moved
# loses: one-step, several-steps, any-data
# hint: The hidden layer never learns in your loop: its weights and biases take steps too.

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
            for p in parameters[2:]:
                p -= lr * p.grad
                p.grad.zero_()
        losses.append(total.item())
    return *(p.detach() for p in parameters), losses


# %%
# Weights as after a training, without the wait: of two hidden units the first one asks whether a coordinate is 1, the
# second whether both are.
weights_1, bias_1, weights_2, bias_2 = (
    torch.zeros(2, 16),
    torch.zeros(16),
    torch.zeros(16, 1),
    torch.tensor([-6.0]),
)
weights_1[:, :2] = 12.0
bias_1[:2] = torch.tensor([-6.0, -18.0])
weights_2[:2, 0] = torch.tensor([12.0, -12.0])
