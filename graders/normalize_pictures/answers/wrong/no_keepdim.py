# title: The mean lost its dimensions
# loses: channels-standard, picture-values, light-kept, any-size, wide-range, argument-unchanged, constant-channel

# %%
def normalize_pictures(A):
    return (A - A.mean(dim=(0, 2, 3))) / A.std(dim=(0, 2, 3))
