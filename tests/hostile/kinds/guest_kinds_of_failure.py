# attack: guest-kinds-of-failure
# category: result-forging
# expects: 0 points: a forged kind of failure (skipped, manual, broken, missing, out of memory) is a failure
# score: 0
# bounds: none needed
# quick: yes

# %%
import torch

def softmax(x):
    return torch.zeros_like(x)

# %%
import torchgrade.sandbox.guest as _guest
_n = [0]
_kinds = ["skipped", "manual", "broken", "missing", "no_gradient", "unfit", "raised", None, 5, ["raised"], "passed", "RoomError", "BrokenError"]

def _lie(guest, frame):
    _n[0] += 1
    kind = _kinds[_n[0] % len(_kinds)]
    return {"ok": [False, 0, None, "true", 1, [True]][_n[0] % 6], "kind": kind, "text": "broken: \x1b[2J" + "x" * 10**5 + "\ud800<script>XSS-FIRED</script>\u202e", "name": ["MemoryError"] * 3, "line": -1,
            "code": {"x": 1}, "traceback": ["x"] * 1000, "outcome": "passed", "points": 10, "skip": True, "manual": True}, []

_guest._respond = _lie
