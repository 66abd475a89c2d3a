# title: The result has its channels last
# loses: channels-standard, picture-values, light-kept, any-size, wide-range, argument-unchanged, constant-channel
# hint: The numbers are right, but the result is (N, H, W, C). A batch in PyTorch is (N, C, H, W), and the result should
#   have the shape of A.

# %%
def normalize_pictures(A):
    mean, std = A.mean(dim=(0, 2, 3), keepdim=True), A.std(dim=(0, 2, 3), keepdim=True)
    return ((A - mean) / std).permute(0, 2, 3, 1)
