# title: The argument is overwritten
# loses: argument-unchanged
# hint: Your function writes into A itself, so whoever called it loses the pictures as they were. Look for -=, /=, A[:,
#   c] = ... and methods that end in _.

# %%
def normalize_pictures(A):
    A -= A.mean(dim=(0, 2, 3), keepdim=True)
    A /= A.std(dim=(0, 2, 3), keepdim=True).clamp_min(1e-8)
    return A
