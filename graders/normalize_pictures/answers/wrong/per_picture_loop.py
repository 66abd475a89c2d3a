# title: Every picture by itself, in a loop
# loses: picture-values, light-kept, any-size, wide-range, argument-unchanged, constant-channel
# hint: Each picture is normalised by itself, as in older notebooks: a dark one and a light one then look alike. What is
#   asked: one mean and one std for each channel, over the whole batch.

# %%
import torch


# %%
def normalize_pictures(A):
    result = torch.empty_like(A)
    for n in range(A.shape[0]):
        for c in range(A.shape[1]):
            result[n, c] = (A[n, c] - A[n, c].mean()) / A[n, c].std()
    return result
