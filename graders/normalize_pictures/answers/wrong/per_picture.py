# title: Every picture by itself, as the given code of earlier years has it
# loses: picture-values, light-kept, any-size, wide-range, argument-unchanged, constant-channel
# hint: Each picture is normalised by itself, as in older notebooks: a dark one and a light one then look alike. What is
#   asked: one mean and one std for each channel, over the whole batch.

# %%
def normalize_pictures(A):
    mean, std = A.mean(dim=(2, 3), keepdim=True), A.std(dim=(2, 3), keepdim=True)
    return (A - mean) / std
