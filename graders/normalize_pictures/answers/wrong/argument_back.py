# title: The argument comes back
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel

# %%
def normalize_pictures(A):
    B = (A - A.mean(dim=(0, 2, 3), keepdim=True)) / A.std(dim=(0, 2, 3), keepdim=True)
    print(B.shape)
    return A
