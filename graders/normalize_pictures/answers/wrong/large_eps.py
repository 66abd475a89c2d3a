# title: Half of one added to the divisor
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: Something is added to your divisor, and it is not small beside the standard deviation: the result is flatter
#   than it should be.

# %%
def normalize_pictures(A):
    mean, std = A.mean(dim=(0, 2, 3), keepdim=True), A.std(dim=(0, 2, 3), keepdim=True)
    return (A - mean) / (std + 0.5)
