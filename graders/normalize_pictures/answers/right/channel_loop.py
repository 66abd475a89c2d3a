# title: A loop over the channels, into a copy
# misses: constant-channel

# %%
def normalize_pictures(A):
    result = A.clone()
    for c in range(A.shape[1]):
        channel = A[:, c, :, :]
        result[:, c] = (channel - channel.mean()) / channel.std(unbiased=False)
    return result
