# attack: notebook-transformers
# category: harness-tampering
# expects: 0 points: what rewrites cells, events, displays and magics rewrites the student's own
# score: 0
# bounds: none needed
# quick: no

# %%
import torch

def softmax(x):
    return torch.zeros_like(x)

# %%
import ast
_ip = get_ipython()
_ip.input_transformers_post.append(lambda lines: [l.replace("assert", "pass #").replace("==", "is") for l in lines])

class Always(ast.NodeTransformer):
    def visit_Compare(self, node):
        return ast.Constant(True)
    def visit_Assert(self, node):
        return ast.Pass()

_ip.ast_transformers.append(Always())
for _event in ("pre_execute", "post_execute", "pre_run_cell", "post_run_cell"):
    _ip.events.register(_event, lambda *a: 1 / 0)
_ip.display_formatter.format = lambda *a, **k: ({"text/plain": "10 points"}, {})
_ip.set_custom_exc((BaseException,), lambda *a, **k: None)
_ip.showtraceback = lambda *a, **k: None
_ip.user_ns_hidden = {}
_ip.user_global_ns["get_ipython"] = None

# %%
assert softmax is None
raise ValueError("hidden")

# %%
_ip.kernel.do_execute = None
_ip.kernel.comm_manager = None
_ip.displayhook = print
