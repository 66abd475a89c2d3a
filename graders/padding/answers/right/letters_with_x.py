# title: The order of the dimensions written NxCxHxW

# %%
import math
from typing import List, Tuple

Pair = Tuple[int, int]


def pad(wanted: int, size: int, kernel: int) -> int:
    p, rest = divmod(wanted - size + kernel - 1, 2)
    assert rest == 0
    return p


def get_pads(kernel_sizes: List[Pair], H_W: List[Pair], H: int = 8, W: int = 16) -> List[Pair]:
    return [(pad(o[0], H, k[0]), pad(o[1], W, k[1])) for k, o in zip(kernel_sizes, H_W)]


# %%
def conv_output_size(H, W, F, S=1, P=0):
    return tuple(math.floor((n - F + 2 * P) / S + 1) for n in (H, W))


# %%
answers = {"neuron_parameters": 401, "first_conv_numbers": 4704, "halvings": 5, "input_order": "NxCxHxW"}
