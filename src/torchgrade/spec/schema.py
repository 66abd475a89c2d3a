"""What course.yaml and assignment.yaml may hold: types and single values. What joins them: ``loading``."""

from __future__ import annotations

import keyword
import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from torchgrade.model import Limits, VariantRule
from torchgrade.spec import units
from torchgrade.spec.policies import Attempts, Due, Late, PolicySpec, Time
from torchgrade.spec.variants import parse_term

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _is_id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError("must begin with a Latin letter or digit and hold only letters, digits, '-', '_' and '.'")
    return value


def _is_name(value: str) -> str:
    if not value.isidentifier() or keyword.iskeyword(value):
        raise ValueError(f"'{value}' cannot be a Python name")
    return value


def _is_filled(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    if any(ord(c) < 32 for c in value.strip()):
        raise ValueError("must be one line of text")
    return value.strip()


def _is_inside(value: str) -> str:
    path = PurePosixPath(value)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\\" in value or "\0" in value:
        raise ValueError("must be a file name inside the assignment's folder files/")
    return value


def _is_year(value: object) -> object:
    """A year may be written 2026 or "2026/27"."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Language = Literal["en", "ru"]  # as in torchgrade.i18n.LANGUAGES
Id = Annotated[str, AfterValidator(_is_id)]
Name = Annotated[str, AfterValidator(_is_name)]
Text = Annotated[str, AfterValidator(_is_filled)]
Inside = Annotated[str, AfterValidator(_is_inside)]
Year = Annotated[str, AfterValidator(_is_filled), BeforeValidator(_is_year)]
Seconds = Annotated[float, BeforeValidator(units.seconds)]
Mebibytes = Annotated[int, BeforeValidator(units.mebibytes)]
Kibibytes = Annotated[int, BeforeValidator(units.kibibytes)]
Points = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)


class LimitsSpec(_Strict):
    """Only the keys that were written count: the rest comes from the course or from ``model.Limits``."""

    cell_time: Seconds = 0.0
    notebook_time: Seconds = 0.0
    probe_time: Seconds = 0.0
    memory: Mebibytes = 0
    processes: Annotated[int, Field(ge=1, le=100_000)] = 1
    disk: Mebibytes = 0
    output: Kibibytes = 0
    training_time: Seconds = 0.0

    def over(self, base: Limits) -> Limits:
        """``base`` with the written keys in place of its own."""
        written = self.model_dump(exclude_unset=True)
        values: dict[str, Any] = {_LIMIT_FIELDS[key]: value for key, value in written.items()}
        return Limits(**{**base.__dict__, **values})


_LIMIT_FIELDS = {
    "cell_time": "cell_seconds",
    "notebook_time": "notebook_seconds",
    "probe_time": "probe_seconds",
    "memory": "memory_mb",
    "processes": "processes",
    "disk": "disk_mb",
    "output": "output_kb",
    "training_time": "training_seconds",
}


class CriterionSpec(_Strict):
    """One line of the rubric."""

    id: Id
    title: Text
    points: Points
    visibility: Literal["public", "after_due", "hidden"] = "public"
    needs: list[str] = Field(default_factory=list)
    bonus: bool = False
    manual: bool = False


class AssignmentSpec(_Strict):
    """assignment.yaml."""

    id: Id
    title: Text
    rubric: Annotated[list[CriterionSpec], Field(min_length=1)]
    defines: list[Name] = Field(default_factory=list)
    aliases: dict[str, list[Name]] = Field(default_factory=dict)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    limits: LimitsSpec = LimitsSpec()
    files: list[Inside] = Field(default_factory=list)
    data: list[Literal["mnist", "cifar10", "cifar100"]] = Field(default_factory=list)
    due: Due | None = None
    grace: Time | None = None
    late: Late = None
    attempts: Attempts = None
    groups: bool = False


def _is_formula(value: object) -> object:
    """Kept as text; a class that is the same for everybody may be written as a number."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        raise ValueError("must be a formula such as 'group + 15'")
    parse_term(text)
    return text


def _is_cell(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Formula = Annotated[str, BeforeValidator(_is_formula)]
Cell = Annotated[str, BeforeValidator(_is_cell)]
ClassNumber = Annotated[int, Field(ge=0, le=100_000)]


class VariantSpec(_Strict):
    """How the classes of an assignment follow from columns of the roster."""

    classes: Annotated[list[Formula], Field(min_length=1)]
    tracks: dict[str, ClassNumber | None] = Field(default_factory=dict)
    default: dict[str, Cell]
    within: Annotated[list[ClassNumber], Field(min_length=2, max_length=2)] = [0, 99]

    def rule(self) -> VariantRule:
        """The record of it."""
        terms = tuple(parse_term(text) for text in self.classes)
        return VariantRule(terms, dict(self.tracks), dict(self.default), (self.within[0], self.within[1]))


class CourseSpec(_Strict):
    """course.yaml."""

    title: Text
    year: Year
    language: Language = "en"
    languages: Annotated[list[Language], Field(min_length=1)] | None = None
    limits: LimitsSpec = LimitsSpec()
    policy: PolicySpec = PolicySpec()
    assignments: list[Id] | None = None
    split: Literal["own", "official"] = "own"
    variants: dict[str, VariantSpec] = Field(default_factory=dict)
