# title: Channels and pictures mixed up by a view
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel, light-kept

# %%
def normalize_pictures(A):
    rows = A.reshape(A.shape[1], -1)
    rows = (rows - rows.mean(1, keepdim=True)) / rows.std(1, keepdim=True)
    return rows.reshape(A.shape)
