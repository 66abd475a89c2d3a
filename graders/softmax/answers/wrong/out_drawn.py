# title: out is drawn, not computed
# loses: out-shape
# hint: The raw output is (hidden activations) @ (second weights) + (second biases), one row for each picture.

# %%
import torch

# %%
out = 3 * torch.randn(64, 10)


# %%
def softmax(x):
    return torch.softmax(x, dim=1)
