"""From pydantic's errors to one line with file, line, key and the nearest right spelling."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from torchgrade.errors import SpecError
from torchgrade.spec.tree import Loc, Tree

Model = TypeVar("Model", bound=BaseModel)
Fault = tuple[Loc, str]

_WANTED = {
    "string_type": "text",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
}


def checked(tree: Tree, model: type[Model]) -> Model:
    """``tree.data`` as ``model``. Raises SpecError for the first fault by line."""
    try:
        return model.model_validate(tree.data)
    except ValidationError as e:
        errors = e.errors(include_url=False)
        faults = [
            (error["loc"], _words(model, error)) for error in errors if not _misspelled(model, errors, error)
        ]
        raise first(tree, faults) from e


def first(tree: Tree, faults: Iterable[Fault]) -> SpecError:
    """The error for the fault that stands highest in the file."""
    loc, problem = min(faults, key=lambda fault: tree.line(fault[0]))
    return tree.fault(loc, problem)


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` or, where nothing is near, ``; known: …``."""
    choices = list(dict.fromkeys(known))
    by_folded = {choice.casefold(): choice for choice in reversed(choices)}
    near = difflib.get_close_matches(word.casefold(), by_folded, n=1)
    if near:
        return f"; did you mean '{by_folded[near[0]]}'?"
    return f"; known: {', '.join(choices)}" if choices else ""


def _misspelled(model: type[BaseModel], errors: Iterable[Any], error: Mapping[str, Any]) -> bool:
    """Whether a missing key is only an unknown key's right spelling: then the unknown key says it all."""
    if error["type"] != "missing":
        return False
    *parent, key = error["loc"]
    unknown = (e["loc"] for e in errors if e["type"] == "extra_forbidden" and list(e["loc"][:-1]) == parent)
    return any(f"'{key}'" in nearest(str(loc[-1]), _keys_at(model, loc[:-1])) for loc in unknown)


def _words(model: type[BaseModel], error: Mapping[str, Any]) -> str:
    kind, given, context = error["type"], error.get("input"), error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key{nearest(str(error['loc'][-1]), _keys_at(model, error['loc'][:-1]))}"
    if kind == "missing":
        return "missing key"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return f"must be one of {context['expected']}, found {shown(given)}{_meant(given, context['expected'])}"
    if kind == "finite_number":
        return "must be a finite number"
    if kind in _WANTED:
        quotes = " (put it in quotes)" if kind == "string_type" and not isinstance(given, dict | list) else ""
        return f"must be {_WANTED[kind]}, found {shown(given)}{quotes}"
    return _bounds(kind, context) or str(error["msg"])


def _bounds(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "greater_than_equal":
        return "must not be negative" if context["ge"] == 0 else f"must be at least {context['ge']:g}"
    if kind == "less_than_equal":
        return f"must be at most {context['le']:g}"
    return "must not be empty" if kind == "too_short" else ""


def _meant(given: object, expected: str) -> str:
    """The nearest of pydantic's "'a', 'b' or 'c'" to what was given."""
    choices = [part for part in expected.split("'")[1::2] if part]
    hint = nearest(given, choices) if isinstance(given, str) else ""
    return hint if "did you mean" in hint else ""


def shown(value: object) -> str:
    """A value from a file as a message quotes it: one line, never long."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value) if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _keys_at(model: type[BaseModel], loc: Loc) -> list[str]:
    """The keys that a mapping at ``loc`` may have."""
    for part in loc:
        if isinstance(part, int) or part not in model.model_fields:  # an item, or a key that the author chose
            continue
        annotation = model.model_fields[part].annotation
        inner = [
            t for t in (annotation, *get_args(annotation)) if isinstance(t, type) and issubclass(t, BaseModel)
        ]
        if not inner:
            return []
        model = inner[0]
    return list(model.model_fields)
