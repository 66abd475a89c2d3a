# title: A backward of its own that forgets what comes from above
# loses: gradients
# hint: Your values are right, but their gradient is that of another function: a part of the way is hidden from PyTorch,
#   or has a backward of its own.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
class Sigmoid(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        s = 1 / (1 + torch.exp(-z))
        ctx.save_for_backward(s)
        return s

    @staticmethod
    def backward(ctx, from_above):
        (s,) = ctx.saved_tensors
        return s * (1 - s)


def forward_pass(X, w):
    return Sigmoid.apply(X @ w)
