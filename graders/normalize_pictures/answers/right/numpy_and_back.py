# title: By numpy and back
# misses: constant-channel

# %%
import torch


# %%
def normalize_pictures(A):
    a = A.numpy()
    a = (a - a.mean(axis=(0, 2, 3), keepdims=True)) / a.std(axis=(0, 2, 3), keepdims=True)
    return torch.from_numpy(a)
