# title: Divided by the variance
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: You divide by the variance. The standard deviation is its square root.

# %%
import torch


# %%
def normalize_pictures(A):
    variance, mean = torch.var_mean(A, dim=(0, 2, 3), keepdim=True)
    return (A - mean) / variance
