# attack: message-hostile-mime
# category: report-injection
# expects: full points; the report shows text: no script, no vector graphics, no formula language of anybody's
# score: full
# bounds: none needed
# quick: yes

# %%
import torch

def softmax(x):
    return torch.softmax(x, dim=1)

# %%
_k = get_ipython().kernel

def _send(kind, content, parent=None, socket=None):
    try:
        _k.session.send(socket or _k.iopub_socket, kind, content=content, parent=_k.get_parent() if parent is None else parent, ident=b"x")
    except Exception:
        pass

# %%
from IPython.display import display
_bundles = [
    {"text/html": "<script>document.title='XSS-FIRED'</script><img src=x onerror=alert('XSS-FIRED')><iframe srcdoc='<script>1</script>'></iframe>"},
    {"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg' onload=\"document.title='XSS-FIRED'\"><script>alert(1)</script><foreignObject><iframe/></foreignObject></svg>"},
    {"application/javascript": "document.title='XSS-FIRED'"},
    {"text/latex": "$" + "\\def\\x{" * 2000 + "\\x" + "}" * 2000 + "\\href{javascript:alert(1)}{x}$"},
    {"text/markdown": "[x](javascript:alert(1)) ![](//192.0.2.1/x.png) <script>XSS-FIRED</script>"},
    {"image/png": "iVBORw0KGgo\"><script>XSS-FIRED</script>"},
    {"image/png": "PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+", "image/jpeg": ["a", "b"], "text/plain": "</pre><script>XSS-FIRED</script>"},
    {"application/vnd.jupyter.widget-view+json": {"model_id": "<script>", "version_major": 2}, "application/json": {"__proto__": {"x": 1}}},
    {"application/vnd.vegalite.v4+json": {"$schema": "https://192.0.2.1/x.json", "data": {"url": "https://192.0.2.1/y"}}},
    {"application/pdf": "JVBERi0=", "text/x-evil\"><script>": "XSS-FIRED", "": "", "text/plain": "=cmd|' /C calc'!A0"},
    {"text/plain": "\x1b]8;;https://192.0.2.1\x07link\x1b]8;;\x07\x1b[2J\x00\u202e\ufeff" + "a\u0300" * 5000},
]
for _b in _bundles:
    display(_b, raw=True)
    _send("execute_result", {"data": _b, "metadata": {"isolated": True, "<b>": "</script>"}, "execution_count": 2**31 - 1})
_send("error", {"ename": "<script>XSS-FIRED</script>", "evalue": "=1+1", "traceback": ["</pre><script>XSS-FIRED</script>"] * 50})
