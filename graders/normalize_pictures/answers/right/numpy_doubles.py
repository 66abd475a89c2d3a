# title: Computed in float64
# misses: constant-channel

# %%
def normalize_pictures(A):
    A = A.double()
    return (A - A.mean((0, 2, 3), True)) / A.std((0, 2, 3), keepdim=True)
