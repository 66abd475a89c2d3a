# title: Over the channels of every pixel
# loses: channels-standard, picture-values, light-kept, any-size, wide-range, argument-unchanged, constant-channel
# hint: The mean and the standard deviation run over other dimensions. Which of the four is the one that must stay?

# %%
def normalize_pictures(A):
    mean, std = A.mean(dim=1, keepdim=True), A.std(dim=1, keepdim=True)
    return (A - mean) / std
