# attack: value-wide-answers
# category: resource-exhaustion
# expects: 0 points: answers at the very bounds (parts, depth, text, bytes) cost the examiner little and are told shortly
# score: 0
# bounds: none needed
# quick: no

# %%
import torch
_n = [0]

def _nest(depth, value):
    for _ in range(depth):
        value = [value]
    return value

def softmax(x):
    _n[0] += 1
    return [
        lambda: torch.zeros(1 << 27, dtype=torch.uint8),
        lambda: torch.zeros(1 << 26, dtype=torch.float16),
        lambda: [torch.zeros(1)] * 4000,
        lambda: [[0.0] * 99_000],
        lambda: "\U0001F600" * 500_000,
        lambda: {("k" * 50) + str(i): float("nan") for i in range(30_000)},
        lambda: _nest(38, "x" * 500_000),
        lambda: ["\u202e\x1b[31m<b>" * 1000] * 400,
        lambda: [2**1023] * 10_000,
        lambda: {i: torch.zeros(1) for i in range(4000)},
        lambda: torch.zeros([2] * 16),
        lambda: torch.zeros(1, 1 << 25),
    ][_n[0] % 12]()
