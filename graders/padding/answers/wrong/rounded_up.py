# title: Rounded up
# loses: size-examples, size-any
# hint: Where the division leaves something over, your size is 1 too large: the kernel would stick out. Which
#   way does the formula round?

# %%
import math


# %%
def get_pads(kernel_sizes, H_W, H=8, W=16):
    pads = []
    for (kh, kw), (oh, ow) in zip(kernel_sizes, H_W):
        pads.append(((oh - 1 - H + kh) // 2, (ow - 1 - W + kw) // 2))
    return pads


# %%
def conv_output_size(H, W, F, S=1, P=0):
    return math.ceil((H - F + 2 * P) / S) + 1, math.ceil((W - F + 2 * P) / S) + 1


# %%
answers = {"neuron_parameters": 401, "first_conv_numbers": 4704, "halvings": 5, "input_order": "NCHW"}
