# title: The kernel is left out
# loses: pads-table, pads-any-size
# hint: The larger the kernel, the more it takes off the picture. Your padding does not depend on it.

# %%
def get_pads(kernel_sizes, H_W, H=8, W=16):
    pads = []
    for (kh, kw), (oh, ow) in zip(kernel_sizes, H_W):
        pads.append(((oh - H) // 2, (ow - W) // 2))
    return pads


# %%
def conv_output_size(H, W, F, S=1, P=0):
    return (H - F + 2 * P) // S + 1, (W - F + 2 * P) // S + 1


# %%
answers = {"neuron_parameters": 401, "first_conv_numbers": 4704, "halvings": 5, "input_order": "NCHW"}
