# title: The mean is subtracted, nothing is divided
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: The means are 0 already, but the contrasts are as they were: divide by the standard deviation.

# %%
def normalize_pictures(A):
    return A - A.mean(dim=(0, 2, 3), keepdim=True)
