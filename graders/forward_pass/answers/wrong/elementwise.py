# title: Multiplied element by element, then summed
# loses: any-size
# hint: Your product and sum work for one neuron. With several columns in w every row needs an answer from each: that is
#   a matrix product.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    return torch.sigmoid((X * w.view(1, -1)).sum(dim=1, keepdim=True))
