# title: Row by row, column by column

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(features, weights):
    rows = []
    for row in features:
        rows.append(torch.stack([torch.sigmoid((row * column).sum()) for column in weights.t()]))
    return torch.stack(rows)
