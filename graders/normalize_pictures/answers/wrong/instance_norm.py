# title: nn.InstanceNorm2d: every picture by itself
# loses: picture-values, light-kept, any-size, wide-range, argument-unchanged, constant-channel
# hint: Each picture is normalised by itself, as in older notebooks: a dark one and a light one then look alike. What is
#   asked: one mean and one std for each channel, over the whole batch.

# %%
import torch


# %%
def normalize_pictures(A):
    return torch.nn.functional.instance_norm(A)
