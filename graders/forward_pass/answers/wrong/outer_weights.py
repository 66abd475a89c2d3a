# title: The w of the example in place of the argument
# loses: sigmoid-range, any-size, gradients
# hint: Your function takes the w of the example, whatever it is given. Its second argument has another name, or is
#   never used.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, weights):
    return torch.sigmoid(X @ w)
