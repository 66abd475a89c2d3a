# title: Through numpy
# loses: gradients
# hint: The values are right, but numpy knows no gradients: on its way through an array the result forgets X and w.
#   PyTorch has exp too.

# %%
import numpy as np
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    z = np.dot(X.numpy(), w.numpy())
    return torch.from_numpy(1 / (1 + np.exp(-z)))


# %%
print(forward_pass(X, w))
