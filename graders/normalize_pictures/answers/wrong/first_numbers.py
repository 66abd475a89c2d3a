# title: The first picture's numbers for all pictures
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: The mean and the standard deviation are those of the first picture alone. They should be taken over the whole
#   batch.

# %%
def normalize_pictures(A):
    mean, std = A[0].mean(dim=(1, 2)).view(1, -1, 1, 1), A[0].std(dim=(1, 2)).view(1, -1, 1, 1)
    return (A - mean) / std
