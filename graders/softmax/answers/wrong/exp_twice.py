# title: The exponential taken twice
# loses: softmax-values, softmax-any-size, softmax-wide-range, argument-unchanged, softmax-stable
# hint: You take the exponential twice: torch.softmax takes it as well. Once is what the formula says.

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    return torch.softmax(torch.exp(x), dim=1)
