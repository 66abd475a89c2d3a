# title: A real convolution tells the size, and the padding is tried out

# %%
import torch


# %%
def get_pads(kernel_sizes, H_W, H=8, W=16):
    def try_out(size, kernel, wanted):
        pad = 0
        while size + 2 * pad - kernel + 1 < wanted:
            pad += 1
        return pad

    return tuple((try_out(H, k[0], o[0]), try_out(W, k[1], o[1])) for k, o in zip(kernel_sizes, H_W))


# %%
def conv_output_size(H, W, F, S=1, P=0):
    image = torch.zeros(1, 1, H, W)
    return torch.nn.Conv2d(1, 1, F, stride=S, padding=P)(image).shape[2:]


# %%
answers = {}
answers["neuron_parameters"] = sum(p.numel() for p in torch.nn.Conv2d(16, 1, 5).parameters())
answers["first_conv_numbers"] = torch.nn.Conv2d(1, 6, 5, padding=2)(torch.zeros(1, 1, 28, 28)).numel()
answers["halvings"] = len("16 8 4 2 1".split())
answers["input_order"] = "(N, C, H, W)"
answers["name"] = "Ivanov"
