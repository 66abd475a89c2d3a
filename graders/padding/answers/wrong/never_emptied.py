# title: The list is made once, outside
# loses: pads-table, pads-any-size
# hint: The list holds pairs of an earlier call as well: it is made outside the function, or as a default argument. Begin
#   with an empty list in every call.

# %%
pads = []


def get_pads(kernel_sizes, H_W, H=8, W=16):
    for (kh, kw), (oh, ow) in zip(kernel_sizes, H_W):
        pads.append(((oh - 1 - H + kh) // 2, (ow - 1 - W + kw) // 2))
    return pads


# %%
kernel_sizes = [(3, 3), (5, 5), (7, 7), (9, 9), (3, 5), (3, 3), (4, 4), (2, 2)]
H_W = [(8, 16), (8, 16), (8, 16), (8, 16), (8, 16), (22, 30), (7, 15), (9, 17)]
print(get_pads(kernel_sizes, H_W))


# %%
def conv_output_size(H, W, F, S=1, P=0):
    return (H - F + 2 * P) // S + 1, (W - F + 2 * P) // S + 1


# %%
answers = {"neuron_parameters": 401, "first_conv_numbers": 4704, "halvings": 5, "input_order": "NCHW"}
