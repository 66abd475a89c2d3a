# title: Divided first, the old mean subtracted then
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: You divide first and subtract the old mean then: after the division the mean is another. Subtract first.

# %%
def normalize_pictures(A):
    return A / A.std(dim=(0, 2, 3), keepdim=True) - A.mean(dim=(0, 2, 3), keepdim=True)
