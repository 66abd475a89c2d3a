# title: Divided by 255
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: A division by 255 brings bytes to 0…1. Mean 0 and standard deviation 1 need the numbers of the batch itself.

# %%
def normalize_pictures(A):
    return A / 255
