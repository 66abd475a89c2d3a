# title: Mean and std with keepdim
# misses: constant-channel

# %%
def normalize_pictures(A):
    mean, std = A.mean(dim=(0, 2, 3), keepdim=True), A.std(dim=(0, 2, 3), keepdim=True)
    return (A - mean) / std
