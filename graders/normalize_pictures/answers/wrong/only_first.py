# title: Only the first picture comes back
# loses: channels-standard, picture-values, light-kept, any-size, wide-range, argument-unchanged, constant-channel
# hint: `return` ends the function at once, here in the first round of the loop: only one picture is computed, and the
#   batch is lost.

# %%
def normalize_pictures(A):
    for picture in A:
        return (picture - picture.mean(dim=(1, 2), keepdim=True)) / picture.std(dim=(1, 2), keepdim=True)
