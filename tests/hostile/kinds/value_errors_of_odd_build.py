# attack: value-errors-of-odd-build
# category: report-injection
# expects: 0 points: exceptions with groups, notes, cycles and false tracebacks are bounded text
# score: 0
# bounds: none needed
# quick: yes

# %%
import torch
_n = [0]

def _noted(count):
    e = ValueError("noted")
    for i in range(count):
        e.add_note("\x1b]0;title\x07=HYPERLINK(1)\u202e" * 50)
    return e

def _circle():
    a, b = ValueError("a"), ValueError("b")
    a.__cause__, b.__cause__ = b, a
    return a

def _deep(n):
    e = ValueError("leaf")
    for _ in range(n):
        e = ExceptionGroup("g" * 1000, [e])
    return e

def _chain(n):
    e = ValueError("x" * 1000)
    for _ in range(n):
        f = ValueError("y")
        f.__context__ = e
        e = f
    return e

class Name(type):
    @property
    def __name__(cls): raise SystemExit(0)
    @property
    def __module__(cls): return "\x00"

class Odd(Exception, metaclass=Name):
    __str__ = lambda self: "\ud800\x00\x9b31m" + chr(0x202e)

def _syntax():
    e = SyntaxError("\x1b[2J")
    e.filename, e.lineno, e.offset, e.text, e.end_lineno, e.end_offset = "/etc/passwd", 1, 10**18, "x" * 10**6, -5, 10**18
    return e

class Args(Exception):
    @property
    def args(self): raise MemoryError
    def __getattribute__(self, name): raise RecursionError(name)

def softmax(x):
    _n[0] += 1
    raise [lambda: _noted(3000), _circle, lambda: _deep(500), lambda: _chain(20000), Odd, _syntax, Args,
           lambda: BaseExceptionGroup("k", [KeyboardInterrupt(), SystemExit(0)]), lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 10**9, "x"),
           lambda: type("\u202e\x1b[31m" * 500, (Exception,), {})("x"), lambda: type("A", (Exception,), {"__module__": "=cmd|x"})("@SUM(1)")][_n[0] % 11]()
