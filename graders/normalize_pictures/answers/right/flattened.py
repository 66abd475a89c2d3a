# title: Each channel as one long row
# misses: constant-channel

# %%
def normalize_pictures(A):
    rows = A.permute(1, 0, 2, 3).reshape(A.shape[1], -1)
    rows = (rows - rows.mean(1, keepdim=True)) / rows.std(1, keepdim=True)
    return rows.reshape(A.shape[1], A.shape[0], *A.shape[2:]).permute(1, 0, 2, 3)
