# title: A softmax over 0 and z

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    z = X.mm(w)
    return torch.softmax(torch.stack([torch.zeros_like(z), z]), dim=0)[1]
