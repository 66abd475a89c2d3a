# title: The padding on one side alone
# loses: pads-table, pads-any-size
# hint: Your padding is twice what it should be. It is put on both sides, so half of what is missing is
#   enough.

# %%
def get_pads(kernel_sizes, H_W, H=8, W=16):
    pads = []
    for (kh, kw), (oh, ow) in zip(kernel_sizes, H_W):
        pads.append(((oh - 1 - H + kh), (ow - 1 - W + kw)))
    return pads


# %%
def conv_output_size(H, W, F, S=1, P=0):
    return (H - F + 2 * P) // S + 1, (W - F + 2 * P) // S + 1


# %%
answers = {"neuron_parameters": 401, "first_conv_numbers": 4704, "halvings": 5, "input_order": "NCHW"}
