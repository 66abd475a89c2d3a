# title: n in the standard deviation
# misses: constant-channel

# %%
import torch


# %%
def normalize_pictures(A):
    std, mean = torch.std_mean(A, dim=(0, 2, 3), unbiased=False, keepdim=True)
    return (A - mean) / std
