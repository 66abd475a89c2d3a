# title: Softmax in place of the sigmoid
# loses: example-values, sigmoid-range, any-size, gradients
# hint: Softmax shares out 1 among the neurons of a row, so a single neuron always gets 1. The sigmoid looks at each
#   neuron by itself.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    return torch.softmax(X @ w, dim=1)
