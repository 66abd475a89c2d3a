# title: Multiplied in place of divided
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel

# %%
def normalize_pictures(A):
    mean, std = A.mean(dim=(0, 2, 3), keepdim=True), A.std(dim=(0, 2, 3), keepdim=True)
    return (A - mean) * std
