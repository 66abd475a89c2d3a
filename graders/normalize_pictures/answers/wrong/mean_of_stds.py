# title: The mean of the pictures' own standard deviations
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: Your divisor is the average of the pictures' own standard deviations. It leaves out how much the pictures differ
#   from each other: take it over the batch at once.

# %%
def normalize_pictures(A):
    mean = A.mean(dim=(2, 3)).mean(dim=0).view(1, -1, 1, 1)
    std = A.std(dim=(2, 3)).mean(dim=0).view(1, -1, 1, 1)
    return (A - mean) / std
