# title: 0.5 and 0.5, as in torchvision's tutorial
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel

# %%
def normalize_pictures(A):
    return (A - 0.5) / 0.5
