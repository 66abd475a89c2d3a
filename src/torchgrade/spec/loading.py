"""course.yaml and assignment.yaml, read into the frozen records of ``model``.

Every fault raises SpecError with the file's path as seen from the course's root, the line, and the key.
"""

from __future__ import annotations

import graphlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from torchgrade.errors import SpecError
from torchgrade.model import Assignment, Course, Criterion, Limits, Visibility
from torchgrade.policy import Policy
from torchgrade.spec import faults
from torchgrade.spec.faults import Fault, nearest
from torchgrade.spec.policies import PolicySpec, due_faults, late_faults, policy_of
from torchgrade.spec.schema import AssignmentSpec, CourseSpec, CriterionSpec
from torchgrade.spec.tree import Tree, read_tree
from torchgrade.spec.variants import rule_faults

COURSE_FILE = Path("course.yaml")
ASSIGNMENTS = Path("assignments")


def find_course(start: Path) -> Path | None:
    """The nearest folder, from ``start`` upwards, that holds course.yaml; None where there is none."""
    here = start.resolve()
    return next((folder for folder in (here, *here.parents) if (folder / COURSE_FILE).is_file()), None)


def load_course(root: Path, only: str | None = None) -> Course:
    """Read ``root/course.yaml`` and the assignments that it lists; all in assignments/ if it lists none.

    ``only`` reads one assignment, so that a half-written neighbour does not stand in the way of grading it; an
    id that is not there gives a course without assignments.
    """
    root = root.resolve()
    tree = read_tree(root, COURSE_FILE)
    spec = faults.checked(tree, CourseSpec)
    limits = spec.limits.over(Limits())
    folders = assignment_ids(root)
    if spec.assignments is not None:
        _raise_first(tree, _listed_faults(spec.assignments, folders))
    ids = folders if spec.assignments is None else spec.assignments
    if only is not None:
        ids = [id for id in folders if id == only]
    _raise_first(tree, _variant_faults(spec, folders))
    rules = {id: variant.rule() for id, variant in spec.variants.items()}
    _raise_first(tree, late_faults(spec.policy.late, ("policy", "late")))
    found = (_load(root, id, limits, spec.policy)[0] for id in ids)
    assignments = tuple(replace(a, variant=rules.get(a.id)) for a in found)
    return Course(root, spec.title, spec.year, spec.language, limits, assignments, spec.split)


def load_assignment(course_root: Path, id: str, limits: Limits = Limits()) -> Assignment:  # noqa: B008 - frozen
    """Read ``assignments/<id>/assignment.yaml``. ``limits`` are the course's, for keys it leaves out."""
    return _load(course_root.resolve(), id, limits, None)[0]


def load_policy(course_root: Path, id: str) -> Policy:
    """What course.yaml and assignment.yaml say about dates, lateness and attempts. No verdict depends on it."""
    root = course_root.resolve()
    spec = faults.checked(read_tree(root, COURSE_FILE), CourseSpec)
    return policy_of(spec.policy, _load(root, id, Limits(), spec.policy)[1])


def _load(root: Path, id: str, limits: Limits, policy: PolicySpec | None) -> tuple[Assignment, AssignmentSpec]:
    """``policy``: the course's; None: a due date without a zone is not looked at."""
    folders = assignment_ids(root)
    if id not in folders:
        raise SpecError(ASSIGNMENTS / id, None, "", f"there is no such assignment{nearest(id, folders)}")
    tree = read_tree(root, ASSIGNMENTS / id / "assignment.yaml")
    spec = faults.checked(tree, AssignmentSpec)
    folder = root / ASSIGNMENTS / id
    _raise_first(tree, _assignment_faults(spec, folder))
    if policy is not None:
        _raise_first(tree, due_faults(policy, spec))
    return _assignment(spec, folder, root, limits), spec


def assignment_ids(root: Path) -> list[str]:
    """Names of the folders in assignments/, sorted; hidden ones and files are passed over."""
    folder = root / ASSIGNMENTS
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] not in "._")


def _assignment(spec: AssignmentSpec, folder: Path, root: Path, limits: Limits) -> Assignment:
    return Assignment(
        id=spec.id,
        title=spec.title,
        criteria=tuple(_criterion(c) for c in spec.rubric),
        defines=tuple(spec.defines),
        limits=spec.limits.over(limits),
        device=spec.device,
        aliases={name: tuple(others) for name, others in spec.aliases.items()},
        files=tuple(folder / "files" / name for name in spec.files),
        data=tuple(spec.data),
        folder=folder,
        handout=folder / f"{spec.id}.ipynb",
        solution=root / "solutions" / spec.id / f"{spec.id}.ipynb",
        graders=root / "graders" / spec.id,
    )


def _criterion(spec: CriterionSpec) -> Criterion:
    return Criterion(
        id=spec.id,
        title=spec.title,
        points=spec.points,
        visibility=Visibility(spec.visibility),
        needs=tuple(spec.needs),
        bonus=spec.bonus,
        manual=spec.manual,
    )


def _raise_first(tree: Tree, found: Iterator[Fault]) -> None:
    if listed := list(found):
        raise faults.first(tree, listed)


def _listed_faults(ids: list[str], folders: list[str]) -> Iterator[Fault]:
    for i, id in enumerate(ids):
        if id in ids[:i]:
            yield ("assignments", i), f"'{id}' is listed twice"
        if id not in folders:
            yield ("assignments", i), f"there is no folder assignments/{id}{nearest(id, folders)}"


def _variant_faults(spec: CourseSpec, folders: list[str]) -> Iterator[Fault]:
    """A rule for an assignment that is not here is no fault: a kit for students holds one assignment only."""
    for id, variant in spec.variants.items():
        meant = nearest(id, folders) if id not in folders else ""
        if "did you mean" in meant:
            yield ("variants", id), f"there is no folder assignments/{id}{meant}"
        for problem in rule_faults(variant.rule()):
            yield ("variants", id, "default"), problem


def _assignment_faults(spec: AssignmentSpec, folder: Path) -> Iterator[Fault]:
    if spec.id != folder.name:
        yield ("id",), f"is '{spec.id}', but the folder is '{folder.name}': they must be the same"
    yield from _name_faults(spec)
    yield from _file_faults(spec.files, folder / "files")
    yield from _rubric_faults(spec.rubric)
    yield from late_faults(spec.late, ("late",))


def _name_faults(spec: AssignmentSpec) -> Iterator[Fault]:
    taken = dict.fromkeys(spec.defines, "defines")
    for i, name in enumerate(spec.defines):
        if name in spec.defines[:i]:
            yield ("defines", i), f"'{name}' is listed twice"
    for name, others in spec.aliases.items():
        if name not in spec.defines:
            yield ("aliases", name), f"'{name}' is not in defines{nearest(name, spec.defines)}"
        for i, other in enumerate(others):
            if other in taken:
                yield ("aliases", name, i), f"'{other}' already stands in {taken[other]}"
            taken[other] = f"aliases.{name}"


def _file_faults(files: list[str], folder: Path) -> Iterator[Fault]:
    there = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()] if files else []
    for i, name in enumerate(files):
        if name in files[:i]:
            yield ("files", i), f"'{name}' is listed twice"
        if name not in there:
            yield ("files", i), f"there is no file files/{name}{nearest(name, sorted(there))}"


def _rubric_faults(rubric: list[CriterionSpec]) -> Iterator[Fault]:
    by_id = {c.id: c for c in reversed(rubric)}
    for i, criterion in enumerate(rubric):
        if by_id[criterion.id] is not criterion:
            yield ("rubric", i, "id"), f"a criterion '{criterion.id}' stands above already"
        for j, need in enumerate(criterion.needs):
            yield from ((("rubric", i, "needs", j), p) for p in _need_problems(criterion, need, by_id))
    if len(by_id) == len(rubric):  # two criteria of one id would look like a circle
        yield from _cycle_faults(rubric)


def _need_problems(criterion: CriterionSpec, need: str, by_id: dict[str, CriterionSpec]) -> Iterator[str]:
    if need not in by_id:
        others = [id for id in by_id if id != criterion.id]
        yield f"there is no criterion '{need}'{nearest(need, others)}"
    elif criterion.visibility == "public" and by_id[need].visibility != "public":
        # A student's own check runs the public graders alone and could never reach this criterion.
        yield f"'{need}' is not public, but '{criterion.id}', which needs it, is"


def _cycle_faults(rubric: list[CriterionSpec]) -> Iterator[Fault]:
    try:
        graphlib.TopologicalSorter({c.id: c.needs for c in rubric}).prepare()
    except graphlib.CycleError as e:
        ring: list[str] = list(reversed(e.args[1]))  # graphlib names what is needed before what needs it
        index = next(i for i, c in enumerate(rubric) if c.id == ring[0])
        yield ("rubric", index, "needs"), f"goes round in a circle: {' needs '.join(ring)}"
