# title: The last dimension taken for the channels
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: The last dimension is taken for the channels, as matplotlib has it. In PyTorch a batch is (N, C, H, W): the
#   channels are dimension 1.

# %%
def normalize_pictures(A):
    mean, std = A.mean(dim=(0, 1, 2), keepdim=True), A.std(dim=(0, 1, 2), keepdim=True)
    return (A - mean) / std
