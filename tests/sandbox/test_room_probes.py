"""A probe's answer may be forged, huge or broken; it costs the question, at worst the room, never the grader."""

from __future__ import annotations

import pytest
import torch
from room_tools import LIMITS, inside

from torchgrade.testing.outcomes import BadAnswer, Died, Missing, ProbeFailure
from torchgrade.wire import WireError


def ask(room, name, *args):
    return room.questioner.ask(name, "call", {"name": name}, {"args": args, "kwargs": {}})


@pytest.fixture(scope="module")
def room(zygote):
    source = """
import torch
def echo(x): return x
def large(): return torch.zeros(40_000_000)
def wide(): return torch.zeros(1).expand(1 << 40)
def long_text(): return ["é" * 400_000] * 9
def odd(): return object()
def half(): return "\\ud800"
def empty(): return torch.empty(0, 1 << 47)
def deep():
    x = []
    for _ in range(60): x = [x]
    return x
def ring():
    x = []; x.append(x)
    return x
"""
    with inside(zygote, source) as opened:
        yield opened


@pytest.mark.parametrize("name", ["large", "wide", "long_text", "odd", "half", "empty", "deep", "ring"])
def test_an_answer_that_cannot_cross_is_told_and_the_next_is_answered(room, name):
    with pytest.raises(BadAnswer):
        ask(room, name)
    assert ask(room, "echo", 5) == 5 and room.questioner.closed is None


@pytest.mark.parametrize("value", ["\x00" * 500_000, "é" * 500_000], ids=["controls", "accents"])
def test_a_question_too_large_is_the_graders_fault_and_the_next_is_answered(room, value):
    with pytest.raises(WireError):
        ask(room, "echo", [value] * 4)
    with pytest.raises(WireError):
        ask(room, "echo", object())
    assert ask(room, "echo", torch.ones(2)).tolist() == [1.0, 1.0] and room.questioner.closed is None


def test_a_name_that_is_missing(room):
    with pytest.raises(Missing):
        ask(room, "nowhere")


#: Code that finds the probes' socket and writes on it, or answers in the guest's place.
_FIND = """
import json, os, socket, stat, struct, gc
def probe_sockets():
    for fd in range(3, 200):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                s = socket.socket(fileno=os.dup(fd))
                pair = s.type == socket.SOCK_STREAM and not s.getsockopt(1, 30)
                if pair and s.getsockname() == "" == s.getpeername():
                    yield s
        except OSError:
            pass
def write(data):
    for s in probe_sockets():
        try: s.sendall(data)
        except OSError: pass
def frame(header, body=b""):
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<I", len(data)) + data + body
"""
FORGERIES = {
    "garbage": "write(b'\\xff' * 4096)",
    "a huge header": "write(struct.pack('<I', 0xffffffff))",
    "another nonce": "write(frame({'ok': True, 'value': 1, 'nonce': 'x', 'arrays': []}))",
    "no nonce": "write(frame({'ok': True, 'value': 1, 'arrays': []}))",
    "an array of a huge shape": "write(frame({'arrays': [['<f8', [0, 1 << 47, 1 << 47], 0]]}))",
    "an array of a terabyte": "write(frame({'arrays': [['<f8', [1 << 37], 1 << 40]]}))",
    "a pickle": "import pickle; write(frame(pickle.dumps({'arrays': []})))",
    "nested without end": "write(frame(b'[' * 1_000_000))",
    "a stream that ends": "[s.shutdown(2) for s in probe_sockets()]",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_answer_closes_the_room_and_never_more(zygote, name):
    with inside(zygote, _FIND, f"def f():\n    {FORGERIES[name]}\n    return 7") as opened:
        with pytest.raises((BadAnswer, Died)) as first:
            ask(opened, "f")
        with pytest.raises(ProbeFailure) as second:
            ask(opened, "f")
        assert second.value is first.value is opened.questioner.closed
        assert opened.room.poll() is not None


REPLIES = [
    {"ok": 1},
    {"ok": "true", "value": 1},
    {"ok": True},
    {"ok": True, "value": [1]},
    {"ok": True, "value": {"array": 0}},
    {"ok": False},
    {"ok": False, "kind": ["missing"], "text": {"a": 1}},
    {"ok": False, "kind": "raised", "name": 5, "text": None, "line": "x", "code": [], "traceback": {}},
    {"ok": False, "kind": "raised", "name": "\ud800" * 999, "text": "\x1b[31m\ud800", "line": 10**9},
    {"ok": False, "kind": "missing", "text": "x" * 1_000_000},
]


@pytest.mark.parametrize("reply", REPLIES, ids=range(len(REPLIES)))
def test_a_reply_with_wrong_fields_is_an_ordinary_failure(zygote, reply):
    """The guest itself answers, with the right nonce and anything else."""
    forge = f"""
from torchgrade.sandbox import guest as _g
import json
def _lie(stream, fields, arrays, *_, _send=_g.send_frame, _reply=json.loads({__import__("json").dumps(reply)!r})):
    _send(stream, dict(_reply, nonce=fields["nonce"]), [], 10)
def f():
    _g.send_frame = _lie
"""
    with inside(zygote, forge, limits=LIMITS) as opened:
        try:
            assert ask(opened, "f") is None
        except ProbeFailure as failure:
            str(failure).encode()
            assert len(str(failure)) < 5000
        else:
            assert reply == {"ok": True}
