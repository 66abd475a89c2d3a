# title: The means of the channels, the standard deviation of everything
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: The means are those of the channels, but the divisor is not: take the standard deviation over the same
#   dimensions.

# %%
def normalize_pictures(A):
    return (A - A.mean(dim=(0, 2, 3), keepdim=True)) / A.std()
