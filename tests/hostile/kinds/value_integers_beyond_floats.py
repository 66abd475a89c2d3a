# attack: value-integers-beyond-floats
# category: result-forging
# expects: 0 points: an integer that no float can hold is no answer, and trips nobody
# score: 0
# bounds: none needed
# quick: yes

# %%
import torch
_n = [0]

def softmax(x):
    _n[0] += 1
    big = 2**1024 - 1
    return [big, -big, [big, 1.0], {"a": big}, {big: 1}, (big,), [[big] * 10] * 10][(_n[0] - 1) % 7]
