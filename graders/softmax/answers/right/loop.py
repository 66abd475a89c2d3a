# title: Row by row
# misses: softmax-stable

# %%
import torch

# %%
inputs = torch.randn(64, 784)
w1, b1 = torch.randn(784, 256), torch.randn(256)
w2, b2 = torch.randn(256, 10), torch.randn(10)
out = torch.sigmoid(inputs @ w1 + b1) @ w2 + b2


# %%
def softmax(x):
    result = torch.zeros(x.shape)
    for i in range(len(x)):
        e = torch.exp(x[i])
        result[i] = e / e.sum()
    return result
