# title: Probabilities rounded to six decimals
# loses: softmax-values, softmax-any-size, softmax-wide-range, argument-unchanged, softmax-stable
# hint: Six decimals look exact, but of a probability of 0.00001 they leave one digit. Round when you print, not when you
#   compute.

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    e = torch.exp(x - x.max(dim=1, keepdim=True).values)
    return torch.round(e / e.sum(dim=1, keepdim=True), decimals=6)
