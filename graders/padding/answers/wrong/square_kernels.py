# title: The kernel's height for both axes
# loses: pads-table, pads-any-size
# hint: You take the kernel's height for the width as well. A kernel of (3, 5) is 3 high and 5 wide.

# %%
def get_pads(kernel_sizes, H_W, H=8, W=16):
    pads = []
    for (kh, kw), (oh, ow) in zip(kernel_sizes, H_W):
        pads.append(((oh - 1 - H + kh) // 2, (ow - 1 - W + kh) // 2))
    return pads


# %%
def conv_output_size(H, W, F, S=1, P=0):
    return (H - F + 2 * P) // S + 1, (W - F + 2 * P) // S + 1


# %%
answers = {"neuron_parameters": 401, "first_conv_numbers": 4704, "halvings": 5, "input_order": "NCHW"}
