"""A real Chromium for tests of pages, spoken to over its own pipe: width, colour scheme, print, keys, scripts.

No driver is needed. Nothing leaves the machine: every host name resolves to nothing.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
_FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --disable-extensions --hide-scrollbars --remote-debugging-pipe"""
# Chromium reads its orders from descriptor 3 and answers on 4.
_LAUNCH = """import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for end, wanted in zip(ends, (3, 4)): os.set_inheritable(os.dup2(end, wanted), True)
os.execv(sys.argv[3], sys.argv[3:])"""
_PATIENCE = 60.0  # seconds for one answer


class Browser:
    """One window. ``open`` a page in it, then ask."""

    def __init__(self, orders: int, answers: int, folder: Path) -> None:
        self._orders, self._answers, self._folder = orders, answers, folder
        self._number, self._rest, self._session = 0, b"", ""
        self._events: list[str] = []
        self._complaints: list[str] = []
        target = self.say("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.say("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.say("Page.enable")

    def open(
        self, html: str, *, width: int = 1000, scheme: str = "light", media: str = "", scripts: bool = False
    ) -> None:
        """Show a page. ``scripts``: its Content-Security-Policy is passed over, for scripts of a test's own."""
        page = self._folder / "page.html"
        page.write_text(html, encoding="utf-8")
        self.say("Page.setBypassCSP", enabled=scripts)
        self.say("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.say("Emulation.setEmulatedMedia", media=media, features=features)
        self._events.clear()
        self._complaints.clear()
        self.say("Page.navigate", url=page.as_uri())
        while "Page.loadEventFired" not in self._events:
            self._receive()

    def ask(self, script: str) -> Any:
        """What an expression (or a promise of it) is in the page, as JSON holds it."""
        said = self.say("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            self.say("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text)

    def complaints(self) -> list[str]:
        """What the browser wrote on its console about the page: styles or pictures that its policy refused."""
        return list(self._complaints)

    def picture(self, path: Path) -> None:
        """The whole page as PNG."""
        shown = self.say("Page.captureScreenshot", captureBeyondViewport=True, format="png")
        path.write_bytes(base64.b64decode(shown["data"]))

    def printed(self) -> bytes:
        """The page as a PDF."""
        return base64.b64decode(self.say("Page.printToPDF", printBackground=False)["data"])

    def say(self, method: str, **fields: Any) -> dict[str, Any]:
        """Send one order and wait for its answer."""
        self._number += 1
        order = {"id": self._number, "method": method, "params": fields}
        if self._session:
            order["sessionId"] = self._session
        data = json.dumps(order).encode() + b"\0"
        while data:
            data = data[os.write(self._orders, data) :]
        while True:
            message = self._receive()
            if message.get("id") == self._number:
                assert "error" not in message, (method, message["error"])
                found: dict[str, Any] = message["result"]
                return found

    def _receive(self) -> dict[str, Any]:
        end = time.monotonic() + _PATIENCE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], max(end - time.monotonic(), 0.0))
            data = os.read(self._answers, 1 << 20) if ready else b""
            assert data, "Chromium does not answer"
            self._rest += data
        piece, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(piece)
        self._events.append(message.get("method", ""))
        if message.get("method") == "Log.entryAdded":
            self._complaints.append(message["params"]["entry"]["text"])
        return message


@contextmanager
def started(folder: Path) -> Iterator[Browser]:
    """A browser that ends with the block; its profile and pages lie in ``folder``."""
    assert CHROMIUM is not None
    (theirs_in, orders), (answers, theirs_out) = os.pipe(), os.pipe()
    flags = [*_FLAGS.split(), f"--user-data-dir={folder / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND"]
    process = subprocess.Popen(
        [sys.executable, "-c", _LAUNCH, str(theirs_in), str(theirs_out), CHROMIUM, *flags],
        pass_fds=(theirs_in, theirs_out), env={**os.environ, "HOME": str(folder)}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Browser(orders, answers, folder)
    finally:
        os.close(orders)
        os.close(answers)
        process.terminate()
        process.wait(30)
