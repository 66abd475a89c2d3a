# attack: guest-rewritten
# category: result-forging
# expects: 0 points: the guest's code is the student's to rewrite; the verdict is not reached there
# score: 0
# bounds: none needed
# quick: yes

# %%
import torch

def softmax(x):
    return torch.zeros_like(x)

# %%
import gc, sys, types

for _o in gc.get_objects():
    _kind = type(_o).__name__
    if _kind in ("Questioner", "Attempt", "ExamPlugin", "Verdict"):
        print("LOOT", _kind)
    if _kind == "Guest":
        type(_o).answer = lambda self, frame: ({"list": [True]}, [])
for _name, _m in list(sys.modules.items()):
    if _name.startswith("torchgrade"):
        for _key, _value in list(vars(_m).items()):
            if isinstance(_value, types.FunctionType) and "array" in _key:
                setattr(_m, _key, lambda *a, **k: True)
        if any(w in _name for w in ("grading", "testing", "gradebook", "spec", "pipeline")):
            print("LOOT module", _name)
