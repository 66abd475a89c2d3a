# attack: report-control-characters
# category: report-injection
# expects: full points: every control character of source, outputs and errors is made visible or dropped in page, table and terminal
# score: full
# bounds: none needed
# quick: yes

# %%
import torch

def softmax(x):
    e = torch.exp(x - x.max(dim=1, keepdim=True).values)
    return e / e.sum(dim=1, keepdim=True)

# %%
# \u202e \u2066 title
import sys
_all = "".join(chr(i) for i in list(range(0, 32)) + list(range(127, 160)) + [0x85, 0xad, 0x34f, 0x61c, 0x180e, *range(0x200b, 0x2010), *range(0x2028, 0x202f), *range(0x2060, 0x2070), 0xfeff, 0xfff9, 0xfffe, 0xffff, 0x1d173, 0xe0001, 0xe0041, 0x10ffff])
print(_all)
print("\x1b]8;;http://192.0.2.1/\x1b\\click\x1b]8;;\x1b\\ \x1bP$q\"p\x1b\\ \x9b31m \x1b[?1049h \x1b]52;c;AAAA\x07 \x1b_G\x1b\\")
sys.stderr.write(_all + "a" + "\u0300" * 3000)
type(_all, (), {}) if False else None
raise type("E" + _all.replace("\x00", ""), (Exception,), {})("=1+1" + _all)
