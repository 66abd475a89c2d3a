"""A teacher's desk in the browser: the gradebook live, grading by hand, and release. The extra ``serve``.

Starlette and uvicorn are imported when a server is really started, so that ``--help`` needs neither.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torchgrade.serve.running import ServeOptions, serve

__all__ = ["ServeOptions", "serve"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.running"), name)
