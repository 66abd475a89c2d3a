"""A student's code may speak Jupyter's protocol itself, and badly: that costs it nothing, and us nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from torchgrade.grading import warm
from torchgrade.model import Status
from torchgrade.sandbox.messages import is_sound

ROOT = Path(__file__).resolve().parents[2]
RIGHT = "import torch\n\ndef softmax(x):\n    return torch.softmax(x, dim=1)\n"
SENDER = """
k = get_ipython().kernel
def send(kind, content):
    k.session.send(k.iopub_socket, kind, content=content, parent=k.get_parent(), ident=b"x")
def send_raw(last):
    kind = "display_data" if last.startswith(b'{"data"') else "stream"
    parts = k.session.serialize(k.session.msg(kind, {}, parent=k.get_parent()), ident=b"x")
    parts[-1] = last
    parts[2] = k.session.sign(parts[3:])
    k.iopub_socket.send_multipart(parts)
"""
REPLIES = """
session = get_ipython().kernel.session
plain = session.send
def forged(stream, kind, *a, **k):
    return plain(stream, kind, *(({"status": 7},) + a[1:] if kind == "execute_reply" else a), **k)
session.send = forged
"""
FORGED = {
    "a display without data": 'send("display_data", {})',
    "a display of a number": 'send("display_data", {"data": 5, "metadata": 3, "transient": 7})',
    "an unknown kind": 'send("nonsense", {"a": 1})',
    "a status of a list": 'send("status", {"execution_state": ["x"]}); send("status", {})',
    "a stream of numbers": 'send("stream", {"name": {"a": 1}, "text": [1, 2]})',
    "an error of numbers": 'send("error", {"ename": 5, "evalue": [], "traceback": "z"}); send("error", {})',
    "a result with an odd count": 'send("execute_result", {"data": {}, "metadata": {}, "execution_count": "x"})',
    "an idle too early": 'send("status", {"execution_state": "idle"})',
    "JSON without end": 'send_raw(b"[" * 200000 + b"]" * 200000)',
    "bytes that are no JSON": 'send_raw(b"\\xff{"); k.iopub_socket.send_multipart([b"a"])',
    "replies that are none": REPLIES,
    "names that are none": 'globals()[5] = 1; globals()["\\ud800"] = 2; globals()["a b"] = 3',
    "displays nested to every depth": """
for depth in range(20, 1000, 20):
    nested = b"[" * depth + b"]" * depth
    send_raw(b'{"data": {"application/json": ' + nested + b'}, "metadata": {}}')
    send_raw(b'{"data": {}, "metadata": {"a": ' + nested + b'}}')
""",
    "a flood past the guest": 'for _ in range(200): send_raw(b\'{"text":"\' + b"x" * 1000000 + b\'"}\')',
}


#: Deeper than any honest output; far less deep than what Python's parser takes.
NESTED: Any = "x"
for _ in range(60):
    NESTED = [NESTED, {"y": NESTED}] if _ < 3 else [NESTED]


@pytest.fixture(scope="module")
def examiner() -> Iterator[warm.Examiner]:
    examiner = warm.start(warm.Setup(str(ROOT), "softmax"))
    examiner.wait_ready()
    yield examiner
    examiner.close()


def notebook(*sources: str) -> dict[str, Any]:
    return dict(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources]))


@pytest.mark.skipif(not Path("/proc/self/ns").is_dir(), reason="rooms are Linux's")
@pytest.mark.parametrize("kind", FORGED)
def test_forged_messages_cost_their_sender_nothing_and_us_nothing(examiner: warm.Examiner, kind: str) -> None:
    job = {"student": "x", "assignment": "softmax", "digest": kind, "seed": "0"}
    verdict = examiner.examine({**job, "notebook": notebook(RIGHT, SENDER + FORGED[kind], "later = 1")}, 60)
    assert verdict.status in (Status.GRADED, Status.LIMIT)
    assert verdict.points == 9.0  # all but `out`


@pytest.mark.parametrize(
    "message",
    [
        None,
        {},
        {"msg_type": "stream"},
        {"msg_type": ["stream"], "content": {}},
        {"msg_type": "stream", "content": {"name": "stdout", "text": None}},
        {"msg_type": "stream", "content": {"name": "stdlog", "text": "x"}},
        {"msg_type": "status", "content": {"execution_state": None}},
        {"msg_type": "display_data", "content": {"data": {"text/plain": 5}, "metadata": {}}},
        {"msg_type": "execute_result", "content": {"data": {}, "metadata": {}, "execution_count": True}},
        {"msg_type": "display_data", "content": {"data": {}, "metadata": {}, "transient": {"display_id": 3}}},
        {"msg_type": "error", "content": {"ename": "E", "evalue": "v", "traceback": [1]}},
        {"msg_type": "clear_output", "content": {}},
        {"msg_type": "display_data", "content": {"data": {"application/json": NESTED}, "metadata": {}}},
        {"msg_type": "display_data", "content": {"data": {}, "metadata": {"a": NESTED}}},
        {"msg_type": "invented", "content": {}},
    ],
)
def test_a_message_of_the_wrong_form_is_not_sound(message: Any) -> None:
    assert not is_sound(message)


def test_what_ipykernel_sends_is_sound() -> None:
    stream = {"msg_type": "stream", "content": {"name": "stderr", "text": "x"}}
    data = {"text/plain": ["a", "b"], "application/json": {"x": 1}}
    result = {"data": data, "metadata": {}, "execution_count": 3, "transient": {}}
    assert is_sound(stream) and is_sound({"msg_type": "execute_result", "content": result})
    assert is_sound({"msg_type": "error", "content": {"ename": "E", "evalue": "", "traceback": ["a"]}})
