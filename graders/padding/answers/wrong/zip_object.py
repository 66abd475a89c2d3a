# title: A zip, not a list
# loses: pads-table, pads-any-size
# hint: It makes its pairs only when somebody goes through it, and only once. list(...) around it makes them a list.

# %%
def get_pads(kernel_sizes, H_W, H=8, W=16):
    pads_h = [(o[0] - 1 - H + k[0]) // 2 for k, o in zip(kernel_sizes, H_W)]
    pads_w = [(o[1] - 1 - W + k[1]) // 2 for k, o in zip(kernel_sizes, H_W)]
    return zip(pads_h, pads_w)


# %%
def conv_output_size(H, W, F, S=1, P=0):
    return (H - F + 2 * P) // S + 1, (W - F + 2 * P) // S + 1


# %%
answers = {"neuron_parameters": 401, "first_conv_numbers": 4704, "halvings": 5, "input_order": "NCHW"}
