# title: Width before height
# loses: pads-table, pads-any-size
# hint: Height and width are swapped, in your pairs or in the kernels that you read. The height comes first in all of
#   them, like everything else about pictures in PyTorch.

# %%
def get_pads(kernel_sizes, H_W, H=8, W=16):
    pads = []
    for (kh, kw), (oh, ow) in zip(kernel_sizes, H_W):
        pads.append(((ow - 1 - W + kw) // 2, (oh - 1 - H + kh) // 2))
    return pads


# %%
def conv_output_size(H, W, F, S=1, P=0):
    return (H - F + 2 * P) // S + 1, (W - F + 2 * P) // S + 1


# %%
answers = {"neuron_parameters": 401, "first_conv_numbers": 4704, "halvings": 5, "input_order": "NCHW"}
