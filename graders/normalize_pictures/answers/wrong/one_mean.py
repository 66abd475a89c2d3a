# title: The mean of everything, the standard deviations of the channels
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: The divisors are those of the channels, but the means are not: take the mean over the same dimensions.

# %%
def normalize_pictures(A):
    return (A - A.mean()) / A.std(dim=(0, 2, 3), keepdim=True)
