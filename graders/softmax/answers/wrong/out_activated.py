# title: The output layer has an activation
# loses: out-shape
# hint: The output layer has no activation: its numbers may have any size and sign. Keep in `out` what comes before that
#   last function.

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.relu(torch.relu(inputs @ w1 + b1) @ w2 + b2)


# %%
def softmax(x):
    return torch.softmax(x, dim=1)
