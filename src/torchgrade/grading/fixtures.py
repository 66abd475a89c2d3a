"""What a grader may ask for by the names of its arguments: the fixtures of the examination."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from torchgrade.data import PreparedData, Split
from torchgrade.errors import BrokenError
from torchgrade.grading.records import Given
from torchgrade.grading.reference import NamespaceExaminee
from torchgrade.i18n import _
from torchgrade.model import Assignment, Criterion, Visibility
from torchgrade.spec import VariantError, classes_of
from torchgrade.testing.exhibits import collected

#: Inputs of public criteria are the same for everybody, so that a student sees what a grader sees.
PUBLIC_SEED = "public"


@dataclass(frozen=True)
class Variant:
    """``fields``: the student's columns of the roster; ``classes``: what the course's rule makes of them."""

    fields: dict[str, str]
    classes: tuple[int, ...]


class GraderFixtures:
    """The fixtures, and what they give or collect; the plugin sets the latter for each examination and test."""

    seed: str  # hex, for the inputs of criteria that are not public
    device_name: str
    fields: dict[str, str]  # the student's of the roster

    def __init__(
        self, assignment: Assignment, reference: NamespaceExaminee | None, data: PreparedData | None
    ) -> None:
        self.assignment, self.oracle, self.data = assignment, reference, data
        self.criteria = {c.id: c for c in assignment.criteria}
        self._examined: Any = None
        self._given = Given()

    @pytest.fixture
    def submission(self, request: pytest.FixtureRequest) -> Any:
        """The submission under examination."""
        return self._examined

    @pytest.fixture
    def reference(self) -> NamespaceExaminee:
        """The solution, examined in the same way. Hidden graders only: students do not have it."""
        if self.oracle is None:
            pytest.skip(_("this criterion is judged by the course, which has the reference"))
        return self.oracle

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> torch.Generator:
        """A generator whose seed is the course's secret for this attempt, or the public one."""
        criterion = self._criterion(request.node)
        public = criterion is not None and criterion.visibility == Visibility.PUBLIC
        text = f"{PUBLIC_SEED if public else self.seed}|{self.assignment.id}|{request.node.name}"
        number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
        return torch.Generator().manual_seed(number)

    @pytest.fixture
    def device(self) -> torch.device:
        """Where to compute: a GPU if the assignment may use one and there is one."""
        return torch.device(self.device_name)

    @pytest.fixture
    def dataset(self, request: pytest.FixtureRequest) -> Callable[[str], Split]:
        """``dataset("mnist")``: the course's split. A public criterion gets it without the kept part."""
        criterion = self._criterion(request.node)
        public = criterion is None or criterion.visibility == Visibility.PUBLIC

        def load(name: str) -> Split:
            if self.data is None:
                raise BrokenError(f"dataset({name!r}): the assignment names no data sets; add `data: [{name}]`")
            found = self.data.load(name)
            return found.public() if public else found

        return load

    @pytest.fixture
    def variant(self) -> Variant:
        """What this student was given to do, by the roster and the rule in course.yaml."""
        rule = self.assignment.variant
        if rule is None:
            raise BrokenError(f"course.yaml has no rule `variants: {self.assignment.id}`")
        fields = self.fields or rule.default
        try:
            return Variant(dict(fields), classes_of(rule, fields))
        except VariantError as error:
            raise BrokenError(f"{error.column}: {error}") from None

    @pytest.fixture
    def award(self) -> Callable[[float, str], None]:
        """``award(fraction, because)``: partial credit, and the sentence that explains it."""

        def give(fraction: float, because: str = "") -> None:
            if not 0.0 <= fraction <= 1.0:
                raise ValueError(f"award() wants a fraction from 0 to 1, not {fraction}")
            self._given.awards.append((float(fraction), _(because)))

        return give

    @pytest.fixture
    def hint(self) -> Callable[[str], None]:
        """``hint(text)``: shown to the student if this criterion is not passed."""

        def give(text: str) -> None:
            self._given.hints.append(_(text))  # the list of the test that is running now

        return give

    @pytest.fixture
    def exhibit(self) -> Callable[..., None]:
        """``exhibit(make)``: evidence, or a function that gives some; shown for every outcome, decides nothing."""

        def give(make: Any) -> None:
            self._given.exhibits.extend(collected(make))

        return give

    def _criterion(self, item: Any) -> Criterion | None:
        """The criterion that a test judges; None where this examination has none of that id."""
        mark = item.get_closest_marker("criterion")
        return self.criteria.get(mark.args[0]) if mark and mark.args else None
