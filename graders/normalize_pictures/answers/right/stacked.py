# title: Channels normalised one by one, and stacked
# misses: constant-channel

# %%
import torch


# %%
def normalize_pictures(A):
    return torch.stack([(part - part.mean()) / part.std() for part in A.unbind(1)], dim=1)
