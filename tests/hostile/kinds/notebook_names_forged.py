# attack: notebook-names-forged
# category: report-injection
# expects: 0 points: the list of names is the room's word, and is shown as text of bounded length
# score: 0
# bounds: none needed
# quick: yes

# %%
import torch

def softmx(x):
    return torch.zeros_like(x)
def softmax_(x): return x
# def softmax(x):

# %%
_g = globals()
for _name in ("softmax<script>XSS-FIRED</script>", "softmax\x1b[2J", "=softmax", "softmax\u202e", "softmax\n\n## 10 points"):
    _g[_name] = 1
import torchgrade.sandbox.guest as _guest
_guest.Guest.names = lambda self, fields, parts: ["softma\x1b[2J", "softma<script>XSS-FIRED</script>", "softma\u202e", "softmax" + "x" * 10**6, "=softmax", 5, None] + ["ou" + chr(300 + i) for i in range(90_000)]
_guest._QUESTIONS["names"] = _guest.Guest.names
