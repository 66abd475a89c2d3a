# title: All parameters in one vector

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
def train(X, y, weights_1, bias_1, weights_2, bias_2, lr=1e-3, steps=10_000):
    given = [weights_1, bias_1, weights_2, bias_2]
    sizes = [p.numel() for p in given]
    theta = torch.cat([p.detach().reshape(-1) for p in given]).requires_grad_()

    def unpack(theta):
        return [part.view(p.shape) for part, p in zip(theta.split(sizes), given)]

    losses = torch.empty(steps)
    for k in range(steps):
        theta.grad = None
        total = loss(y, forward(X, *unpack(theta)))
        total.backward()
        theta.data.add_(theta.grad, alpha=-lr)
        losses[k] = total.detach()
    return (*unpack(theta.detach()), losses.tolist())


# %%
start = torch.randn(2, 16), torch.zeros(16), torch.randn(16, 1), torch.zeros(1)
weights_1, bias_1, weights_2, bias_2, losses = train(X, y, *start, lr=3e-3, steps=4000)
