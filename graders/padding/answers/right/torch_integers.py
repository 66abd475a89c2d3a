# title: Whole numbers of torch

# %%
import torch


# %%
def get_pads(kernel_sizes, H_W, H=8, W=16):
    needed = torch.tensor(H_W) + torch.tensor(kernel_sizes) - 1 - torch.tensor([H, W])
    return [(row[0], row[1]) for row in torch.div(needed, 2, rounding_mode="floor")]


# %%
def conv_output_size(H, W, F, S=1, P=0):
    return torch.div(torch.tensor([H, W]) - F + 2 * P, S, rounding_mode="floor") + 1


# %%
answers = {
    "neuron_parameters": torch.tensor(401),
    "first_conv_numbers": 4704,
    "halvings": 5,
    "input_order": "NCHW",
}
