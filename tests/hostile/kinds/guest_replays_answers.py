# attack: guest-replays-answers
# category: result-forging
# expects: 0 points above a uniform answer's: an answer kept from before has an old nonce and old numbers
# score: 0
# bounds: none needed
# quick: yes

# %%
import torch

def softmax(x):
    return torch.full_like(x, 1.0 / x.shape[1])

# %%
import torchgrade.sandbox.guest as _guest
_kept = []
_send = _guest.send_frame

def _replay(stream, fields, arrays, seconds):
    _kept.append((dict(fields), list(arrays)))
    nonce = fields.get("nonce")
    for old, parts in _kept[:3]:
        if len(old.get("value") or {}) and parts and arrays and parts[0].shape == arrays[0].shape:
            return _send(stream, {**old, "nonce": nonce}, parts, seconds)
    return _send(stream, fields, arrays, seconds)

_guest.send_frame = _replay
