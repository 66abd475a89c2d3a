# title: 8 and 16 written into the function
# loses: pads-any-size
# hint: Your function takes every picture for one of 8 × 16. The arguments H and W say how large it is.

# %%
def get_pads(kernel_sizes, H_W, H=8, W=16):
    pads = []
    for (kh, kw), (oh, ow) in zip(kernel_sizes, H_W):
        pads.append(((oh - 1 - 8 + kh) // 2, (ow - 1 - 16 + kw) // 2))
    return pads


# %%
def conv_output_size(H, W, F, S=1, P=0):
    return (H - F + 2 * P) // S + 1, (W - F + 2 * P) // S + 1


# %%
answers = {"neuron_parameters": 401, "first_conv_numbers": 4704, "halvings": 5, "input_order": "NCHW"}
