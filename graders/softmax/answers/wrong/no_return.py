# title: The result is printed, not returned
# loses: rows-sum-to-one, softmax-values, softmax-any-size, softmax-wide-range, argument-unchanged, softmax-stable
# hint: Your function shows its result and then forgets it: what comes back is None. How does a function hand over a
#   value?

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    result = torch.exp(x) / torch.exp(x).sum(dim=1, keepdim=True)
    print(result.shape)
