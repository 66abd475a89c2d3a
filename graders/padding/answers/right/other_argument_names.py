# title: Other names for the first arguments, helpers, prints

# %%
def pad(size, kernel, out):
    print("pad", size, kernel, out)
    return (out + kernel - size - 1) // 2


def get_pads(ks, sizes, H=8, W=16):
    return [(pad(H, k[0], s[0]), pad(W, k[1], s[1])) for k, s in zip(ks, sizes)]


# %%
def conv_output_size(H, W, F, S=1, P=0):
    def one(n):
        return int((n - F + 2 * P) / S + 1)

    return one(H), one(W)


# %%
answers = {"neuron_parameters": 401.0, "first_conv_numbers": 4704, "halvings": 5, "input_order": "N-C-H-W."}
