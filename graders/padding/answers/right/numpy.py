# title: A numpy array of pairs, numpy's whole numbers

# %%
import numpy as np


# %%
def get_pads(kernel_sizes, H_W, H=8, W=16):
    return (np.array(H_W) - 1 - np.array([H, W]) + np.array(kernel_sizes)) // 2


# %%
def conv_output_size(H, W, F, S=1, P=0):
    return tuple((np.array([H, W]) - F + 2 * P) // S + 1)


# %%
answers = {
    "neuron_parameters": np.prod([16, 5, 5]) + 1,
    "first_conv_numbers": np.int64(4704),
    "halvings": np.log2(32),
    "input_order": ("N", "C", "H", "W"),
}
