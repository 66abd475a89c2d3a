# title: nn.BatchNorm2d in training mode, without weights

# %%
import torch


# %%
def normalize_pictures(A):
    return torch.nn.BatchNorm2d(A.shape[1], affine=False)(A)
