# title: The function works on out, whatever it is given
# loses: rows-sum-to-one, softmax-values, softmax-any-size, softmax-wide-range, argument-unchanged, softmax-stable
# borrows: out
# hint: Your function computes everything from `out`, the variable outside, and never looks at its argument.

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    e = torch.exp(out - out.max(dim=1, keepdim=True).values)
    return e / e.sum(dim=1, keepdim=True)
