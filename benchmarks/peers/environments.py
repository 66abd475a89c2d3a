"""An environment for each peer: torch and matplotlib of constraints.txt and the peer, installed once by pip."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measuring import ROOT

PEERS = {"nbgrader": "nbgrader==0.9.*", "otter-grader": "otter-grader[grading]==7.*"}
CACHE = Path("~/.cache/torchgrade/peers")
_PINNED = ("torch", "numpy", "matplotlib")


def pins(constraints: str, names: Sequence[str] = _PINNED) -> list[str]:
    """The lines of constraints.txt about these packages. Raises ValueError where one has none."""
    out = []
    for name in names:
        found = re.search(rf"^{re.escape(name)}==\S+", constraints, re.MULTILINE)
        if found is None:
            raise ValueError(f"constraints.txt does not pin {name}")
        out.append(found[0])
    return out


def prepare(peer: str, cache: Path) -> Path:
    """The folder of the peer's programs; installs them where that was not done yet, or for other versions."""
    folder = cache.expanduser() / peer
    wanted = [*pins((ROOT / "constraints.txt").read_text(encoding="utf-8")), PEERS[peer]]
    ready = folder / ".ready"
    said = "\n".join([sys.version, *wanted])
    if not (ready.is_file() and ready.read_text(encoding="utf-8") == said):
        print(f"installing {', '.join(wanted)} into {folder} (once; some minutes)", flush=True)
        if not (folder / "bin" / "python").exists():
            venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *wanted], check=True)
        ready.write_text(said, encoding="utf-8")
    return folder / "bin"


def version(programs: Path, peer: str) -> str:
    """What was installed."""
    ask = f"from importlib.metadata import version; print(version({peer!r}))"
    return run([str(programs / "python"), "-c", ask], programs, Path("/")).strip()


def run(command: Sequence[str], programs: Path, cwd: Path) -> str:
    """Run a peer's command as if its environment were active; what it prints. Raises SystemExit with that."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment(programs),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed with {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


def environment(programs: Path) -> dict[str, str]:
    """Ours without what would lead Python or Jupyter out of the peer's own environment."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "JUPYTER", "VIRTUAL_ENV"))}
    return {**kept, "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"}
