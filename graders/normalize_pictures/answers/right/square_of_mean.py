# title: The variance as the mean of squares less the square of the mean
# misses: constant-channel

# %%
def normalize_pictures(A):
    mean = A.mean(dim=(0, 2, 3), keepdim=True)
    variance = (A**2).mean(dim=(0, 2, 3), keepdim=True) - mean**2
    return (A - mean) / variance.sqrt()
