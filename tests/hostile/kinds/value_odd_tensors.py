# attack: value-odd-tensors
# category: result-forging
# expects: 0 points: complex, half, quantised, sparse, nested, meta, negative-strided and boolean tensors are refused or compared as what they are
# score: 0
# bounds: none needed
# quick: yes

# %%
import numpy as np
import torch
_n = [0]

def softmax(x):
    _n[0] += 1
    zeros = torch.zeros(x.shape)
    return [
        lambda: zeros.to(torch.complex64) * (1 + 1j),
        lambda: zeros.to(torch.bfloat16),
        lambda: torch.quantize_per_tensor(zeros, 0.1, 0, torch.quint8),
        lambda: zeros.to_sparse(),
        lambda: zeros.to_sparse_csr(),
        lambda: zeros.to("meta"),
        lambda: torch.nested.nested_tensor([zeros[0], zeros[0]]),
        lambda: zeros.bool(),
        lambda: np.zeros(x.shape, np.float32)[::-1, ::-1],
        lambda: torch.full(x.shape, float("nan")),
        lambda: torch.full(x.shape, float("inf")),
        lambda: zeros.to(torch.float8_e4m3fn) if hasattr(torch, "float8_e4m3fn") else zeros,
    ][_n[0] % 12]()
