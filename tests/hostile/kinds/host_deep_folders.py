# attack: host-deep-folders
# category: resource-exhaustion
# expects: 0 points and no residue: folders too deep for any path and files without rights are removed with the room
# score: 0
# bounds: 3000 folders
# quick: yes

# %%
import torch

def softmax(x):
    return torch.zeros_like(x)

# %%
import os
_here = os.getcwd()
_made = 0
try:
    for _ in range(3000 if globals().get("ATTACK_ARMED") else 30):
        os.mkdir("d", 0o700)
        os.chdir("d")
        open("f", "w").close()
        _made += 1
except OSError:
    pass
os.chdir(_here)
for _name, _mode in (("closed", 0), ("-rf", 0o300), ("new\nline", 0o500), ("\udcff", 0o700)):
    try:
        os.mkdir(_name)
        open(_name + "/f", "w").close()
        os.chmod(_name, _mode)
    except OSError:
        pass
