# title: Prints inside, another argument name, extra cells
# misses: constant-channel

# %%
def normalize_pictures(pics):
    print("shape", pics.shape)
    means = pics.transpose(0, 1).flatten(1).mean(dim=1)
    stds = pics.transpose(0, 1).flatten(1).std(dim=1)
    print(means, stds)
    return pics.sub(means[:, None, None]).div(stds[:, None, None])


# %%
import torch

print(normalize_pictures(torch.rand(2, 3, 4, 4)).mean())
