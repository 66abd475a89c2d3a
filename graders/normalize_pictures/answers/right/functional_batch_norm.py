# title: F.batch_norm with its usual eps

# %%
import torch.nn.functional as F


# %%
def normalize_pictures(A):
    return F.batch_norm(A, None, None, training=True)
