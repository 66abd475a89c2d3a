# title: Written into a prepared tensor

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    y = torch.zeros(X.shape[0], w.shape[1])
    for i in range(X.shape[0]):
        y[i] = torch.sigmoid(X[i] @ w)
    return y
