# title: Divided, but nothing is subtracted
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: The contrasts are right already, but the means are not 0: subtract them before you divide.

# %%
def normalize_pictures(A):
    return A / A.std(dim=(0, 2, 3), keepdim=True)
