"""Wrong answers counted: what is known, what is not, and the entry that makes it known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import samples
import yaml
from samples import ASSIGNMENT, COURSE, CRITERIA, NOW
from strict import Page, assert_inert, assert_well_made

import hostile
from torchgrade.feedback import render_cohort
from torchgrade.feedback.clusters import known_mistakes, unknown_answers
from torchgrade.model import CriterionResult, Evidence, Outcome, Verdict
from torchgrade.spec import load_hints

OUT, KIND = "out-0123456789ab", "kind-ba9876543210"
SECRET = Evidence("input", (1,), "float32", (("31415.9",),))


def lost(number: int, **named: Any) -> CriterionResult:
    return samples.judged(CRITERIA[number], Outcome.FAILED, message=f"wrong in {number}", **named)


def student(name: str, *results: CriterionResult) -> Verdict:
    return samples.verdict(name, list(results))


def cohort(*verdicts: Verdict) -> Page:
    return Page(render_cohort(COURSE, ASSIGNMENT, verdicts, generated_at=NOW))


def test_a_known_mistake_is_counted_once_a_student_with_all_that_it_costs() -> None:
    verdicts = [
        student("anna", lost(1, mistake="dim_zero", hint="Look at dim."), lost(2, mistake="dim_zero", hint="…")),
        student("boris", lost(2, mistake="dim_zero", hint="Look at dim.")),
        student("clara", lost(2, mistake="global_sum", hint="Sum each row.")),
    ]
    found = known_mistakes(ASSIGNMENT, verdicts, {id(verdicts[0]): "a.html"})
    assert [(m.key, m.said, m.lost) for m in found] == [
        ("dim_zero", "2 students", "2, 3"),
        ("global_sum", "1 student", "3"),
    ]
    assert found[0].students == (("anna", "a.html"), ("boris", ""))
    assert "dim_zero criteria 2, 3: Look at dim." in cohort(*verdicts).text  # read without unfolding


def test_one_alone_is_no_cluster_and_what_has_a_hint_is_none() -> None:
    verdicts = [
        student("anna", lost(1, fingerprint=OUT), lost(2, fingerprint=OUT, mistake="known")),
        student("boris", lost(2, fingerprint=OUT, mistake="known"), lost(3)),
        student("clara", lost(3)),
    ]
    assert unknown_answers(ASSIGNMENT, verdicts, {}) == ()


def test_what_the_same_students_lost_together_is_one_cluster() -> None:
    verdicts = [student(n, lost(1, fingerprint=OUT), lost(5, fingerprint=KIND)) for n in ("anna", "boris")]
    verdicts.append(student("clara", lost(5, fingerprint=KIND)))
    first, second = unknown_answers(ASSIGNMENT, verdicts, {})
    assert (first.said, first.lost) == ("3 students are wrong in the same kind of way", "6")
    assert (second.said, second.lost) == ("2 students return the same wrong thing", "2")
    alone = unknown_answers(ASSIGNMENT, verdicts[:2], {})
    assert [(c.said, c.lost, c.message) for c in alone] == [
        ("2 students return the same wrong thing", "2, 6", "wrong in 1")
    ]


def test_a_bonus_comes_last_however_many_lost_it() -> None:
    verdicts = [student(n, lost(8, fingerprint=KIND)) for n in "abcd"]
    verdicts += [student(n, lost(1, fingerprint=OUT)) for n in "ef"]
    assert [c.lost for c in unknown_answers(ASSIGNMENT, verdicts, {})] == ["2", "9"]


def test_the_entry_is_valid_as_it_stands(tmp_path: Path) -> None:
    verdicts = [student(n, lost(1, fingerprint=OUT), lost(5, fingerprint=KIND)) for n in ("anna", "boris")]
    (cluster,) = unknown_answers(ASSIGNMENT, verdicts, {})
    graders = tmp_path / "graders" / "softmax"
    graders.mkdir(parents=True)
    (graders / "hints.yaml").write_text(cluster.entry, encoding="utf-8")
    hints = load_hints(replace(ASSIGNMENT, graders=graders))
    assert set(hints) == {(CRITERIA[1].id, OUT), (CRITERIA[5].id, KIND)}


def test_words_of_a_gradebook_cannot_break_out_of_the_entry() -> None:
    nasty = 'x"\n    hint: "other'
    verdicts = [
        student(n, replace(lost(1), id=nasty, fingerprint=nasty), lost(2, fingerprint=OUT)) for n in ("a", "b")
    ]
    for cluster in unknown_answers(ASSIGNMENT, verdicts, {}):
        for entry in yaml.safe_load(cluster.entry)["hints"]:
            assert set(entry) == {"key", "criterion", "fingerprint", "hint"}
            assert entry["hint"] == "What to tell these students."


def test_a_hidden_criterion_shows_no_array_in_its_cluster() -> None:
    hidden = [student(n, lost(7, fingerprint=KIND, evidence=(SECRET,), detail="SECRET-INPUT")) for n in "ab"]
    page = cohort(*hidden)
    assert "2 students are wrong in the same kind of way" in page.text
    assert "31415.9" not in page.html and "SECRET-INPUT" not in page.html
    public = cohort(*(student(n, lost(1, fingerprint=OUT, evidence=(SECRET,))) for n in "ab"))
    assert "31415.9" in public.text, "this test can fail"


def test_names_of_mistakes_are_not_on_a_students_page() -> None:
    from torchgrade.feedback import render_student

    verdict = student("anna", lost(1, mistake="DIM-ZERO", fingerprint=OUT, hint="Look at dim."))
    html = render_student(COURSE, ASSIGNMENT, verdict, generated_at=NOW)
    assert "Look at dim." in html and "DIM-ZERO" not in html and OUT not in html


def test_hostile_names_stay_text() -> None:
    page = cohort(*(hostile.hostile(f"{hostile.NASTY}{n}") for n in range(3)))
    assert_inert(page, scripts=1)
    assert_well_made(page)
    assert "return the same wrong thing" in page.text or "same kind of way" in page.text
    assert "Known mistakes" in page.text


def test_a_cluster_of_a_whole_cohort_names_a_hundred_and_counts_the_rest() -> None:
    page = cohort(*(student(f"s{n:04}", lost(1, fingerprint=OUT)) for n in range(250)))
    assert "250 students return the same wrong thing" in page.text and "and 150 more" in page.text


def test_verdicts_from_before_have_neither_section() -> None:
    page = cohort(samples.wrong("anna"), samples.wrong("boris"))
    assert "no hint knows" not in page.text and "Known mistakes" not in page.text
