# title: The numbers of the example, typed in
# loses: example-values, sigmoid-range, any-size, gradients
# hint: Your function returns the same three numbers for every X and w. They should be computed from the arguments.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    return torch.tensor([[1.0000], [0.9985], [0.0474]])
