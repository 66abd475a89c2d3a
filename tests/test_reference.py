"""docs/reference.md says what the code says, and every key of a course's file has a sentence."""

from __future__ import annotations

import typing
from pathlib import Path

from torchgrade.cli import app, reference

ROOT = Path(__file__).resolve().parents[1]


def test_the_page_is_what_the_code_says_now() -> None:
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert page == reference.reference(), "run: python -m torchgrade.cli.reference docs/reference.md"


def test_no_sentence_is_left_over_for_a_key_that_is_gone() -> None:
    assert reference.unexplained() == {}


def test_every_command_and_option_is_told() -> None:
    page = reference.reference()
    for info in app.registered_commands:
        name = info.name or info.callback.__name__.replace("_", "-")
        assert f"### torchgrade {name}\n" in page
    for option in ("`--json`", "`--dry-run`", "`--sandbox full\\|landlock\\|none`", "`--lang [en\\|ru]`"):
        assert option in page


def test_nothing_is_told_without_a_meaning() -> None:
    for line in reference.reference().splitlines():
        if line.startswith("| ") and not line.startswith("| ---"):
            assert line.split(" | ", 1)[1].rstrip(" |"), line


def test_a_key_deep_in_a_file_is_found() -> None:
    from torchgrade.spec.schema import AssignmentSpec, CourseSpec

    assert "rubric[].visibility" in set(reference.keys(AssignmentSpec))
    assert "variants.*.tracks" in set(reference.keys(CourseSpec))
    assert typing.get_origin(CourseSpec.model_fields["variants"].annotation) is dict
