# title: Three channels, written into the function
# loses: any-size
# hint: Your function knows that there are three channels, and fails for any other number. Let the shape follow from A,
#   or keep the dimensions of the mean.

# %%
import torch


# %%
def normalize_pictures(A):
    mean, std = A.mean(dim=(0, 2, 3)).view(1, 3, 1, 1), A.std(dim=(0, 2, 3)).view(1, 3, 1, 1)
    std = torch.where(std > 0, std, torch.ones_like(std))
    return (A - mean) / std
