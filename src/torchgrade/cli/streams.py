"""Standard input, output and error: there, and never the reason for a traceback."""

from __future__ import annotations

import errno
import io
import os
import sys

#: What a machine has run out of, and names that no file can have: the system's own sentence says it better than a
#: traceback.
_SPENT = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EROFS)
_NO_NAME = (errno.ENAMETOOLONG, errno.ELOOP)
_LONGEST = 200


def prepare() -> None:
    """Make what is printed bearable to any terminal, and leave none of the three closed.

    A file that is opened next would else get the number of the closed one, and what a child process prints would
    go into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a character is no fault


def fault_of_the_machine(error: Exception) -> str:
    """One line about a disk that is full and the like; empty for any other error."""
    if isinstance(error, OSError) and error.errno in (*_SPENT, *_NO_NAME):
        name = str(error.filename or "the output")
        return f"{name if len(name) <= _LONGEST else f'{name[:_LONGEST]}…'}: {error.strerror}"
    if isinstance(error, RuntimeError) and str(error).startswith("Symlink loop"):  # pathlib, until Python 3.12
        return str(error)
    return ""


def folder_is_gone() -> bool:
    """Whether the current folder was taken away meanwhile: then no relative path means anything."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False
