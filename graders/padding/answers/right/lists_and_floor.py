# title: Lists, math.floor and int

# %%
import math


# %%
def get_pads(kernel_sizes, H_W, H=8, W=16):
    pads = []
    for i in range(len(kernel_sizes)):
        pad_h = int((H_W[i][0] + kernel_sizes[i][0] - H - 1) / 2)
        pad_w = int((H_W[i][1] + kernel_sizes[i][1] - W - 1) / 2)
        pads.append([pad_h, pad_w])
    return pads


# %%
def conv_output_size(H, W, F, S=1, P=0):
    return [math.floor((H - F + 2 * P) / S) + 1, math.floor((W - F + 2 * P) / S) + 1]


# %%
answers = {
    "neuron_parameters": 16 * 5 * 5 + 1,
    "first_conv_numbers": 6 * 28 * 28,
    "halvings": 5,
    "input_order": "n, c, h, w",
}
