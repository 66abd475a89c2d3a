"""The door of the server: who may come in, by which address, and what every answer carries.

In this order: the Host header (a page elsewhere must not reach us by a name of its own), the token or the cookie
that it was changed for, and for a form where it came from. Forms carry a token of their own besides.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from torchgrade.feedback.templates import render

LOOPBACK = ("localhost", "127.0.0.1", "::1")
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with none, a browser would not say where a form came from
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
_READING = ("GET", "HEAD")


@dataclass(frozen=True)
class Keys:
    """The token of the address, and what only this process knows."""

    token: str
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def csrf(self) -> str:
        """What every form of this session carries."""
        return hmac.new(self.session.encode(), b"form", hashlib.sha256).hexdigest()

    def is_form(self, said: str) -> bool:
        """Whether a form is one of ours."""
        return _same(said, self.csrf)


@dataclass(frozen=True)
class Hosts:
    """Which Host headers are ours. ``addresses``: any IP address is, which no other site can make its name."""

    names: frozenset[str]
    port: int
    addresses: bool = False

    @classmethod
    def of(cls, names: Iterable[str], port: int, *, addresses: bool = False) -> Hosts:
        """By names and addresses without their port."""
        return cls(frozenset(name.lower().rstrip(".") for name in names), port, addresses)

    def has(self, header: str) -> bool:
        """Whether a Host header, port included, is ours."""
        name, _, port = header.lower().rpartition(":")
        if not name or not port.isdecimal() or header.endswith("]"):
            name, port = header.lower(), "80"
        name = name.removeprefix("[").removesuffix("]").rstrip(".")
        return port == str(self.port) and (name in self.names or (self.addresses and _is_address(name)))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same(said: str, right: str) -> bool:
    return hmac.compare_digest(said.encode("utf-8", "surrogatepass"), right.encode())


class Door:
    """Lets requests through to ``app``; answers the others itself. No websocket is served."""

    def __init__(self, app: ASGIApp, keys: Keys, hosts: Hosts) -> None:
        self.app, self.keys, self.hosts = app, keys, hosts
        self.cookie = f"torchgrade_{hosts.port}"  # browsers share cookies between the ports of a host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            answer = self._answer(Request(scope)) or self.app
            await answer(scope, receive, _with_headers(send))
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _answer(self, request: Request) -> Response | None:
        """What is said at the door; None: come in."""
        if not self.hosts.has(request.headers.get("host", "")):
            return Response("This address is not served here.\n", 421, media_type="text/plain")
        token = request.query_params.get("token")
        if token is not None and request.url.path == "/" and request.method in _READING:
            return self._welcome() if _same(token, self.keys.token) else _locked()
        if not _same(request.cookies.get(self.cookie, ""), self.keys.session):
            return _locked()
        if request.method not in _READING and not _from_here(request):
            return Response("This form did not come from here.\n", 403, media_type="text/plain")
        return None

    def _welcome(self) -> Response:
        """The cookie in exchange for the token, which thereby leaves the address bar."""
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self.cookie, self.keys.session, httponly=True, samesite="strict", path="/")
        return answer


def _from_here(request: Request) -> bool:
    """What the browser says of where a form came from; one that says nothing must have the form's token."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = request.headers.get("origin")
    return origin is None or origin == f"{request.url.scheme}://{request.headers.get('host', '')}"


def _locked() -> Response:
    return Response(render("serve/locked.html.j2"), 403, media_type="text/html")


def _with_headers(send: Send) -> Send:
    """Every answer has the headers; one that has its own (the framed page) keeps them."""

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            given: list[Any] = list(message.get("headers", []))
            there = {name.lower() for name, _ in given}
            extra = [(n.encode(), v.encode()) for n, v in _HEADERS.items() if n.encode() not in there]
            message = {**message, "headers": given + extra}
        await send(message)

    return wrapped
