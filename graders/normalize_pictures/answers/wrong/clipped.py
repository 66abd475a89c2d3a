# title: Cut off at ±2
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: Numbers beyond ±2 are cut off. Some pixels are further from the mean than two standard deviations, and should
#   stay there.

# %%
def normalize_pictures(A):
    mean, std = A.mean(dim=(0, 2, 3), keepdim=True), A.std(dim=(0, 2, 3), keepdim=True)
    return ((A - mean) / std).clamp(-2, 2)
