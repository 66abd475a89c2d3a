# control: ten-megabytes-of-progress
# category: control
# expects: full points: noise is cut, not punished
# score: full
# bounds: prints 10 MB

# %%
import torch

def softmax(x):
    e = torch.exp(x - x.max(dim=1, keepdim=True).values)
    return e / e.sum(dim=1, keepdim=True)

# %%
for _i in range(100_000):
    print(f"\r{_i:6} " + "#" * 90, end="")
