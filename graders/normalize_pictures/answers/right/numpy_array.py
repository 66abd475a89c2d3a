# title: A numpy array comes back
# misses: constant-channel

# %%
import numpy as np


# %%
def normalize_pictures(A):
    a = np.asarray(A)
    mean, std = a.mean((0, 2, 3)), a.std((0, 2, 3))
    return (a - mean[None, :, None, None]) / std[None, :, None, None]
