# title: A mean for every pixel, over the pictures alone
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: Every place of the picture has a mean of its own, over the pictures alone. All places of a channel should share
#   one: rows and columns are to be averaged as well.

# %%
def normalize_pictures(A):
    mean, std = A.mean(dim=0, keepdim=True), A.std(dim=0, keepdim=True)
    return (A - mean) / std
