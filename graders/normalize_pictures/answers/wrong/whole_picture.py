# title: One mean for each picture, all channels together
# loses: channels-standard, picture-values, light-kept, any-size, wide-range, argument-unchanged, constant-channel
# hint: Each picture has one mean for all its channels. It should be the other way round: each channel has one mean for
#   all pictures.

# %%
def normalize_pictures(A):
    mean, std = A.mean(dim=(1, 2, 3), keepdim=True), A.std(dim=(1, 2, 3), keepdim=True)
    return (A - mean) / std
