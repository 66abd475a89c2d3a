# title: The sigmoid is worked out in place
# loses: gradients
# hint: Your values are right, but PyTorch cannot go back through them: a tensor that it still needs is changed in place,
#   by =, += or a method that ends in _.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    z = X @ w
    z.neg_().exp_().add_(1).reciprocal_()
    return z
