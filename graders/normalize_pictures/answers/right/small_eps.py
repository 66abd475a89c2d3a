# title: A tiny number in the divisor

# %%
def normalize_pictures(A):
    mean, std = A.mean(dim=(0, 2, 3), keepdim=True), A.std(dim=(0, 2, 3), keepdim=True, unbiased=False)
    return (A - mean) / (std + 1e-8)
