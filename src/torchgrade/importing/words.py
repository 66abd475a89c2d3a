"""Names that a test may use without the notebook: modules, built-ins, methods of plain values."""

from __future__ import annotations

import builtins


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: What graders may import; all of it is there where torchgrade is.
MODULES = _words("""
    bisect cmath collections copy datetime decimal fractions functools heapq itertools math numpy operator random
    re statistics string torch typing
""")

#: What modules lend that reaches files or programs, and methods that do: a grader runs outside of every room, and
#: has no files of the notebook's.
REACHING = _words("""
    DataSource builtins cpp_extension ctypes distributed dump f2py fromfile genfromtxt hub importlib inspect io
    load loadtxt memmap multiprocessing open open_memmap os pathlib save savetxt savez savez_compressed shutil
    socket subprocess sys threading tofile
""")

#: Makers of asserts, whose functions are turned into plain ones.
ASSERTING = _words("nose unittest pytest")

#: What a grader names itself: a test that uses one of these names would hide it.
RESERVED = _words("submission sent back is_a told answer raised Raised describe pytest")

#: Functions and types that do the same outside. Not callable, eval, exec, open, input, globals and their like.
BUILTINS = _words("""
    abs all any ascii bin bool bytes chr complex dict divmod enumerate filter float format frozenset hash hex int
    isinstance issubclass iter len list map max min next oct ord pow range repr reversed round set slice sorted str
    sum tuple type zip NotImplemented Ellipsis
""") | {
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
}

#: Of a value that a notebook made, these belong to plain ones; other methods are asked of the thing in its room.
PLAIN_METHODS = _words("""
    all any astype capitalize copy count endswith find flatten get index isalpha isdigit item items join keys lower
    max mean min ravel replace reshape round split startswith std strip sum title tolist transpose upper values
    zfill
""")
PLAIN_ATTRIBUTES = _words("T dtype imag ndim real shape size")
