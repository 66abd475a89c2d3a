# title: The result is printed, not returned
# loses: example-values, sigmoid-range, any-size, gradients
# hint: Your function shows its result and then forgets it: what comes back is None. How does a function hand over a
#   value?

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    print(torch.sigmoid(X @ w))
