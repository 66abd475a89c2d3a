# title: A hundredth added to the divisor
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: What you add to the divisor against 0 / 0 is too large beside the contrast of dark pictures: 1e-8 does as well.

# %%
def normalize_pictures(A):
    mean, std = A.mean(dim=(0, 2, 3), keepdim=True), A.std(dim=(0, 2, 3), keepdim=True)
    return (A - mean) / (std + 0.01)
