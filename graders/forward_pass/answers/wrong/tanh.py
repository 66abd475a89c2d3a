# title: tanh in place of the sigmoid
# loses: example-values, sigmoid-range, any-size, gradients
# hint: Your answers go from -1 to 1: that is the hyperbolic tangent. The sigmoid goes from 0 to 1.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    return torch.tanh(torch.mm(X, w))
