# title: The mean minus the pixel
# loses: light-kept, picture-values, any-size, wide-range, argument-unchanged, constant-channel

# %%
def normalize_pictures(A):
    mean, std = A.mean(dim=(0, 2, 3), keepdim=True), A.std(dim=(0, 2, 3), keepdim=True)
    return (mean - A) / std
