# attack: notebook-magics
# category: harness-tampering
# expects: full points: each magic, and each payload of a reply, is the room's own affair
# score: full
# bounds: none needed
# quick: no

# %%
import torch

def softmax(x):
    e = torch.exp(x - x.max(dim=1, keepdim=True).values)
    return e / e.sum(dim=1, keepdim=True)

# %%
_ip = get_ipython()
for _magic, _text in (
    ("javascript", "document.title = 'XSS-FIRED'"),
    ("html", "<script>document.title = 'XSS-FIRED'</script><style>@import url(//192.0.2.1/x.css)</style>"),
    ("latex", r"\input{/etc/passwd} \href{javascript:alert(1)}{x}"),
    ("svg", "<svg onload='XSS-FIRED'/>"),
    ("bash", "echo 10 points; (sleep 30 &); exit 3"),
):
    try:
        _ip.run_cell_magic(_magic, "", _text)
    except Exception as _error:
        print(type(_error).__name__)

# %%
for _payload in (
    {"source": "set_next_input", "text": "raise SystemExit", "replace": True},
    {"source": "page", "data": {"text/plain": "<script>XSS-FIRED</script>"}, "start": 0},
    {"source": "ask_exit", "keepkernel": False},
    {"source": "edit_magic", "filename": "/etc/passwd", "line_number": 1},
):
    _ip.payload_manager.write_payload(_payload, single=False)

# %%
for _line in ("history -g", "pip install nothing-at-all", "connect_info", "autosave 1", "whos", "psource softmax", "pinfo softmax", "prun -q 1 + 1"):
    try:
        _ip.run_line_magic(*_line.split(" ", 1)) if " " in _line else _ip.run_line_magic(_line, "")
    except Exception as _error:
        print(type(_error).__name__)
