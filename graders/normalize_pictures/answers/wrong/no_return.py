# title: The result is printed, not returned
# loses: channels-standard, picture-values, light-kept, any-size, wide-range, argument-unchanged, constant-channel
# hint: Your function shows its result and then forgets it: what comes back is None. How does a function hand over a
#   value?

# %%
def normalize_pictures(A):
    result = (A - A.mean(dim=(0, 2, 3), keepdim=True)) / A.std(dim=(0, 2, 3), keepdim=True)
    print(result.shape)
