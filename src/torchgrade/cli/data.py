"""``torchgrade data``: which data sets are here, fetching them, drawing stand-ins, checking them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_FAULT = 2

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Data sets: what is here, fetch the real ones, draw stand-ins, check them.",
)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="mnist, cifar10 or cifar100.")]


@app.command("list")
def list_() -> None:
    """Say which data sets are here, and which folders are searched."""
    from torchgrade.pipeline import datasets
    from torchgrade.spec import find_course

    root = find_course(Path.cwd())
    for name, real, text in datasets.list_sets(root):
        typer.echo(f"{'✓' if real else '•'} {name:9} {text}")
    typer.echo("searched, in this order:")
    for place in datasets.searched(root):
        typer.echo(f"  {place}")


@app.command()
def fetch(
    name: _Name,
    root: Annotated[Path | None, typer.Option(help="Where it goes; default: your own cache.")] = None,
) -> None:
    """Download a real data set and check it. Needs a network."""
    from torchgrade.pipeline import datasets

    typer.echo(datasets.fetch_set(name, root))


@app.command()
def make(
    name: _Name,
    root: Annotated[Path, typer.Option(help="The folder below which it is written.")] = Path("data"),
) -> None:
    """Draw a stand-in for a data set, in the same format, to work with where there is no network."""
    from torchgrade.pipeline import datasets

    typer.echo(datasets.make_set(name, root))


@app.command()
def verify() -> None:
    """Check every file of the data sets that are here, real ones and prepared splits."""
    from torchgrade.pipeline import datasets
    from torchgrade.spec import find_course

    wrong = 0
    for right, text in datasets.verify_sets(find_course(Path.cwd())):
        wrong += not right
        typer.echo(f"{'✓' if right else '✗'} {text}", err=not right)
    if wrong:
        raise typer.Exit(_FAULT)
