# title: Summed over the objects, not over the features
# loses: example-values, sigmoid-range, any-size, gradients
# hint: The sum of a neuron runs over the features of one object. Yours mixes the objects: look at the dimension of the
#   sum.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    return torch.sigmoid((X * w.view(1, -1)).sum(dim=0, keepdim=True))
