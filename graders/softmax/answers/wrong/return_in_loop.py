# title: Only the first row comes back
# loses: rows-sum-to-one, softmax-values, softmax-any-size, softmax-wide-range, argument-unchanged, softmax-stable
# hint: `return` ends the function at once, here in the first round of the loop: only one row is computed. What should
#   be collected first?

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    for row in x:
        return torch.exp(row) / torch.exp(row).sum()
