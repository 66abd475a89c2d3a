# title: Rounded to the nearest
# loses: size-examples, size-any
# hint: round() goes to the nearest number, up or down. The kernel stops where it would stick out: that is
#   always down.

# %%
def get_pads(kernel_sizes, H_W, H=8, W=16):
    pads = []
    for (kh, kw), (oh, ow) in zip(kernel_sizes, H_W):
        pads.append(((oh - 1 - H + kh) // 2, (ow - 1 - W + kw) // 2))
    return pads


# %%
def conv_output_size(H, W, F, S=1, P=0):
    return round((H - F + 2 * P) / S) + 1, round((W - F + 2 * P) / S) + 1


# %%
answers = {"neuron_parameters": 401, "first_conv_numbers": 4704, "halvings": 5, "input_order": "NCHW"}
