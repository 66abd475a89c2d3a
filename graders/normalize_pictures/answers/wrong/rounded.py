# title: Rounded to one decimal
# loses: picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: The values are rounded, so that pictures lose most of their grey levels. Round when you print, not when you
#   compute.

# %%
import torch


# %%
def normalize_pictures(A):
    mean, std = A.mean(dim=(0, 2, 3), keepdim=True), A.std(dim=(0, 2, 3), keepdim=True)
    return torch.round((A - mean) / std, decimals=1)
