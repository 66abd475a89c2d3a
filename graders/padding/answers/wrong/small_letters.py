# title: h and w in place of H and W
# loses: pads-any-size
# hint: Use the arguments alone, H and W by these names, and begin anew in every call: there may be any number of
#   kernels, and pictures, kernels and sizes of any shape.

# %%
def get_pads(kernel_sizes, H_W, h=8, w=16):
    return [((o[0] - 1 - h + k[0]) // 2, (o[1] - 1 - w + k[1]) // 2) for k, o in zip(kernel_sizes, H_W)]


# %%
def conv_output_size(H, W, F, S=1, P=0):
    return (H - F + 2 * P) // S + 1, (W - F + 2 * P) // S + 1


# %%
answers = {"neuron_parameters": 401, "first_conv_numbers": 4704, "halvings": 5, "input_order": "NCHW"}
