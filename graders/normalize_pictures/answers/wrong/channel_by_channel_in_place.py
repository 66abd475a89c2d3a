# title: The channels of the argument are overwritten one by one
# loses: argument-unchanged
# hint: Your function writes into A itself, so whoever called it loses the pictures as they were. Look for -=, /=, A[:,
#   c] = ... and methods that end in _.

# %%
def normalize_pictures(A):
    for c in range(A.shape[1]):
        channel = A[:, c]
        A[:, c] = (channel - channel.mean()) / max(float(channel.std()), 1e-8)
    return A
