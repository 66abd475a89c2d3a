# title: Stretched from 0 to 1
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: That puts the smallest number to 0 and the largest to 1. Asked are mean 0 and standard deviation 1.

# %%
def normalize_pictures(A):
    low, high = A.amin(dim=(0, 2, 3), keepdim=True), A.amax(dim=(0, 2, 3), keepdim=True)
    return (A - low) / (high - low)
