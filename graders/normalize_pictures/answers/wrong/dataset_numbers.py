# title: The means and deviations of a data set, typed in
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: The numbers that you subtract and divide by are typed in: they fit one data set. They are to be computed from
#   the batch A itself.

# %%
import torch


# %%
def normalize_pictures(A):
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    return (A - mean) / std
