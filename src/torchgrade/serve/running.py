"""Starts the server: where it listens, what it prints, and how it ends."""

from __future__ import annotations

import getpass
import ipaddress
import secrets
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torchgrade.errors import UsageError
from torchgrade.feedback.clean import one_line
from torchgrade.i18n import _
from torchgrade.pipeline.reporting import course_name, places
from torchgrade.spec import load_course, speak

if TYPE_CHECKING:
    from torchgrade.gradebook import Gradebook
    from torchgrade.model import Course
    from torchgrade.serve.door import Hosts

SHORTEST_TOKEN = 16
_ANY = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


@dataclass(frozen=True)
class ServeOptions:
    """What a teacher chose on the command line. Empty: the obvious one."""

    gradebook: str = ""
    out: Path | None = None
    host: str = "127.0.0.1"
    port: int = 0
    token: str = ""
    who: str = ""
    language: str = ""
    network: bool = False  # listen beyond this machine, unencrypted


def serve(root: Path, options: ServeOptions, tell: Callable[[str], None]) -> None:
    """Serve until Ctrl-C. ``tell`` gets the address. Raises UsageError before anything listens."""
    _require_packages()
    import uvicorn

    from torchgrade.gradebook import Gradebook
    from torchgrade.serve.app import make_app
    from torchgrade.serve.desk import Desk
    from torchgrade.serve.door import Keys

    token = _token(options.token)
    _require_permission(options)
    place, out = places(options.gradebook, options.out)
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out}: is a file; name the folder for released pages")
    course = speak(load_course(root, only=""), options.language)
    with Gradebook.open(place) as book, _listening(options.host, options.port) as listener:
        port = listener.getsockname()[1]
        desk = Desk(book, course, out, _who(options.who))
        app = make_app(desk, Keys(token), hosts(options.host, port))
        tell(_address(options.host, port, token))
        if others := others_alone(book, course):
            tell(f"the gradebook holds no run of the course {course_name(course)!r}, but of: {', '.join(others)}")
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, lifespan="off")
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            return  # the usual end; all that was saved is in the gradebook


def others_alone(book: Gradebook, course: Course) -> list[str]:
    """The other courses of a gradebook that has none of this one: most likely this is the wrong folder."""
    known = {run.course for run in book.runs()}
    return [] if known & {course_name(course), ""} else sorted(one_line(name, 80) for name in known)


def _require_packages() -> None:
    try:
        import starlette
        import uvicorn
    except ModuleNotFoundError as error:
        said = _("`serve` needs {package}, which is not installed: pip install 'torchgrade[serve]'")
        raise UsageError(said.format(package=error.name)) from None
    del starlette, uvicorn


def _token(given: str) -> str:
    if given and (
        len(given) < SHORTEST_TOKEN or not all(c.isascii() and (c.isalnum() or c in "-_") for c in given)
    ):
        said = _("--token: has at least {count} letters (a to z), digits, - or _; without it, a new one is made")
        raise UsageError(said.format(count=SHORTEST_TOKEN))
    return given or secrets.token_urlsafe(32)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server there."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _require_permission(options: ServeOptions) -> None:
    if options.network or is_loopback(options.host):
        return
    said = _(
        "--host {host}: others could reach the gradebook there and read the token and all grades on the way: "
        "nothing is encrypted; a tunnel is better (ssh -L). If you want it all the same: --unencrypted-network"
    )
    raise UsageError(said.format(host=options.host))


def hosts(host: str, port: int) -> Hosts:
    """The Host headers of a server that listens at ``host``."""
    from torchgrade.serve.door import LOOPBACK, Hosts

    if is_loopback(host):
        return Hosts.of((*LOOPBACK, host), port)
    own = (socket.gethostname(), socket.getfqdn()) if host in _ANY else ()
    return Hosts.of((*LOOPBACK, host, *own), port, addresses=host in _ANY)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # there it would let another program take the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        said = _("cannot listen at {host}, port {port}: {why}")
        raise UsageError(said.format(host=host, port=port, why=error.strerror or error)) from None
    return listener


def _address(host: str, port: int, token: str) -> str:
    shown = socket.gethostname() if host in _ANY else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/?token={token}"


def _who(given: str) -> str:
    """The name in the log: the one given, else the system's user."""
    name = given
    if not name:
        try:
            name = getpass.getuser()
        except (OSError, KeyError, ImportError):
            raise UsageError(_("the system does not tell who you are; say it: --as NAME")) from None
    name = one_line(name, 80)
    if not name:
        raise UsageError(_("--as: the name is empty"))
    return name
