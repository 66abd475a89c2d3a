# title: The sigmoid is applied twice
# loses: example-values, any-size, gradients
# hint: Your answers never fall below 0.5: the sigmoid of a sigmoid. Once is enough.

# %%
import torch

# %%
X = torch.tensor([[-5.0, 5.0], [2.0, 3.0], [1.0, -1.0]])
w = torch.tensor([[-0.5], [2.5]])


# %%
def forward_pass(X, w):
    answer = torch.sigmoid(X @ w)
    return torch.sigmoid(answer)
