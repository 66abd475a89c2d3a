# title: The mean lost its dimensions
# loses: channels-standard, picture-values, light-kept, any-size, wide-range, argument-unchanged, constant-channel
# hint: A mean of shape (C,) is matched with the last dimension of A, the columns, not with the channels. Keep the
#   dimensions, or view it as (1, C, 1, 1).

# %%
def normalize_pictures(A):
    return (A - A.mean(dim=(0, 2, 3))) / A.std(dim=(0, 2, 3))
