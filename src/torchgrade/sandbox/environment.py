"""Environments of what the harness starts: nothing of its own goes in, and libraries know where to keep things."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

from torchgrade.sandbox import room_data

#: What malloc takes is in pages of 2 MiB where the kernel has them: a fork copies fewer page tables.
HUGE_HEAP = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def clean_environment() -> dict[str, str]:
    """What the interpreter needs to start; nothing of the harness's own environment goes in."""
    kept = {k: v for k in ("LD_LIBRARY_PATH", "SYSTEMROOT") if (v := os.environ.get(k))}
    return kept | {
        "PATH": _room_path(),
        "LANG": "C.UTF-8",
        # More than one thread of a maths library in the warm parent would hang every fork.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONDONTWRITEBYTECODE": "1",
        **HUGE_HEAP,
        **library_caches(),
    }


def library_caches() -> dict[str, str]:
    """Where matplotlib keeps its list of fonts, which takes a second to make, and torch what it compiles.

    Left to themselves both would write into the home and the temporary folder of whoever grades. Rooms inherit
    the fonts in memory.
    """
    for choose in (_usual_cache, _temporary_cache):
        try:
            folder = choose()
            places = {"MPLCONFIGDIR": folder / "matplotlib", "TORCHINDUCTOR_CACHE_DIR": folder / "torchinductor"}
            for place in places.values():
                place.mkdir(parents=True, exist_ok=True)
        except (OSError, RuntimeError):  # RuntimeError: a user without a home
            continue
        if all(os.access(place, os.W_OK) for place in places.values()):
            return {name: str(place) for name, place in places.items()}
    return {}  # the libraries then make temporary ones


def _usual_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "torchgrade"


def _temporary_cache() -> Path:
    """One folder for each user that has no home. Raises OSError where another user took the name."""
    user = os.geteuid() if hasattr(os, "geteuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"torchgrade-cache-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user or found.st_mode & 0o022:
        raise PermissionError(f"{folder} is not this user's own")
    return folder


def _room_path() -> str:
    return f"{Path(sys.prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin"


def room_environment(
    home: str, temporary: str, threads: int, *, data: str = "", tools: str = ""
) -> dict[str, str]:
    """The environment of the student's process; ``data`` and ``tools`` are where it finds ours."""
    return {
        **({room_data.VARIABLE: data} if data else {}),
        "HOME": home,
        "USER": "student",
        "PATH": f"{tools}:{_room_path()}" if tools else _room_path(),
        "LANG": "C.UTF-8",
        "TMPDIR": temporary,
        "TERM": "dumb",
        "IPYTHONDIR": f"{home}/.ipython",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "JUPYTER_PLATFORM_DIRS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": str(threads),
        # There is no network: `!pip install` should say so at once.
        "PIP_RETRIES": "0",
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "TORCHGRADE_ROOM": "1",
    }
