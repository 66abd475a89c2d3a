"""``torchgrade serve``: the gradebook in a browser, to grade by hand and to release."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from torchgrade.cli.language import Lang


def serve(
    gradebook: Annotated[str, typer.Option(help="File or SQLAlchemy URL; default: in --out, else here.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Where released pages go; default: where the gradebook lies.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Where to listen: this machine alone, unless you say more.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: one that is free.")] = 0,
    token: Annotated[
        str, typer.Option(envvar="TORCHGRADE_TOKEN", help="What lets a browser in; default: a new one.")
    ] = "",
    who: Annotated[str, typer.Option("--as", help="Your name in the log; default: the system's user.")] = "",
    network: Annotated[
        bool, typer.Option("--unencrypted-network", help="Allow a --host that others reach; they may read along.")
    ] = False,
    lang: Lang = "",
) -> None:
    """Show the gradebook in a browser: watch, grade by hand, comment, release. Ctrl-C ends it."""
    from torchgrade.pipeline import course_root
    from torchgrade.serve import ServeOptions
    from torchgrade.serve import serve as run

    options = ServeOptions(gradebook, out, host, port, token, who, lang, network)
    run(course_root(Path.cwd()), options, typer.echo)
