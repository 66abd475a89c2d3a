# title: Arguments with names of their own, where the task gives names
# loses: size-examples, pads-any-size, size-any

# %%
def get_pads(kernel_sizes, H_W):
    pads = []
    for (kh, kw), (oh, ow) in zip(kernel_sizes, H_W):
        pads.append(((oh - 1 - 8 + kh) // 2, (ow - 1 - 16 + kw) // 2))
    return pads


# %%
def conv_output_size(H, W, F, stride=1, padding=0):
    return (H - F + 2 * padding) // stride + 1, (W - F + 2 * padding) // stride + 1


# %%
answers = {"neuron_parameters": 401, "first_conv_numbers": 4704, "halvings": 5, "input_order": "NCHW"}
