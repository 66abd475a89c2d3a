# title: Only the first kernel
# loses: pads-table, pads-any-size
# hint: Only the first pair comes back: a return inside a loop ends the whole function.

# %%
def get_pads(kernel_sizes, H_W, H=8, W=16):
    for (kh, kw), (oh, ow) in zip(kernel_sizes, H_W):
        return [((oh - 1 - H + kh) // 2, (ow - 1 - W + kw) // 2)]


# %%
def conv_output_size(H, W, F, S=1, P=0):
    return (H - F + 2 * P) // S + 1, (W - F + 2 * P) // S + 1


# %%
answers = {"neuron_parameters": 401, "first_conv_numbers": 4704, "halvings": 5, "input_order": "NCHW"}
