# title: One mean and one standard deviation for everything
# loses: channels-standard, picture-values, any-size, wide-range, argument-unchanged, constant-channel
# hint: All channels share one mean and one standard deviation. Each channel should have its own: dimension 1 is the one
#   that is not averaged.

# %%
def normalize_pictures(A):
    return (A - A.mean()) / A.std()
