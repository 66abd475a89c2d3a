"""Similar notebooks: a copy with other names is found, what the handout gave and what many have is not."""

from __future__ import annotations

import random
import sys
from itertools import pairwise

import pytest
from samples import ASSIGNMENT, COURSE, NOW, code, notebook, text
from strict import Page, assert_inert, assert_well_made

import hostile
from torchgrade.errors import UsageError
from torchgrade.feedback import render_cohort
from torchgrade.feedback.pairs import render_pairs
from torchgrade.feedback.similar import Pair, code_of, similar_pairs

HANDOUT = """import torch
from torchvision import datasets, transforms

transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
trainset = datasets.MNIST("MNIST_data/", download=True, train=True, transform=transform)
trainloader = torch.utils.data.DataLoader(trainset, batch_size=64, shuffle=True)
"""
OPERATIONS = ("exp", "log", "sum", "mean", "clamp", "relu", "view", "norm", "sort", "cumsum", "tanh", "abs")


def own_work(seed: int, lines: int = 14) -> str:
    """A program that nobody else would write: the order of what it does is drawn."""
    rng = random.Random(seed)
    made = ["def solve(x):"]
    for n in range(lines):
        one, other = rng.choice(OPERATIONS), rng.choice(OPERATIONS)
        form = rng.choice(("x = x.{0}({2}) + x.{1}()", "y{2} = torch.{0}(x) / {2}", "x[{2}] *= x.{1}().{0}()"))
        made.append("    " + form.format(one, other, rng.randint(0, 9)))
        if n % 5 == 4:
            made.append(f"    for i in range({rng.randint(2, 99)}):")
            made.append(f"        x = x @ x.T - {rng.random():.3f}")
    return "\n".join([*made, "    return x", ""])


def renamed(source: str) -> str:
    """The same work under other names, with comments and blank lines of its own."""
    source = source.replace("solve", "my_function").replace("x", "inp").replace("einp", "exp")
    return "# mine\n" + source.replace("\n    return", "\n\n    # done\n    return")


def cohort(size: int = 12) -> dict[str, str]:
    codes = {f"s{n:02}": HANDOUT + own_work(n) for n in range(size)}
    codes["thief"] = HANDOUT + renamed(own_work(3))
    return codes


@pytest.fixture(autouse=True)
def _copydetect() -> None:
    pytest.importorskip("copydetect", reason="the extra is not installed: pip install 'torchgrade[similar]'")


def test_a_copy_with_other_names_is_found_and_nobody_else() -> None:
    (pair,) = similar_pairs(cohort(), HANDOUT)
    assert (pair.first, pair.second) == ("s03", "thief") and pair.share > 0.8


def test_what_both_have_is_marked_and_the_code_is_whole() -> None:
    (pair,) = similar_pairs(cohort(), HANDOUT)
    assert "".join(piece for piece, _ in pair.left) == cohort()["s03"]
    assert "".join(piece for piece, _ in pair.right) == cohort()["thief"]
    marked = "".join(piece for piece, both in pair.left if both)
    assert "def solve" in marked and "import torch" not in marked
    assert all(a[1] != b[1] or a[0].endswith("\n") for a, b in pairwise(pair.left))


def test_the_handout_alone_makes_nobody_alike() -> None:
    given = HANDOUT + own_work(500)
    codes = {"a": given + "x = 1\n", "b": given + "x = 2\n", **{f"s{n}": own_work(n) for n in range(8)}}
    assert similar_pairs(codes, given) == []
    (pair,) = similar_pairs(codes, "")
    assert (pair.first, pair.second) == ("a", "b"), "this test can fail"


def test_what_many_have_is_common_knowledge() -> None:
    codes = cohort() | {f"reader{n}": own_work(77) for n in range(11)}
    assert [(p.first, p.second) for p in similar_pairs(codes, HANDOUT)] == [("s03", "thief")]


@pytest.mark.parametrize(
    "codes",
    [{}, {"a": "x"}, {"a": "", "b": " "}, {"a": "def (", "b": "'''"}, dict.fromkeys("ab", "\x00\ud800 %%bash\n!")],
)
def test_little_or_odd_code_is_no_fault(codes: dict[str, str]) -> None:
    clean = {student: code_of(notebook(code(source))) for student, source in codes.items()}
    assert similar_pairs(clean, "") == []


def test_code_is_read_from_the_code_cells_alone() -> None:
    assert code_of(notebook(text("# no"), code("a = 1"), {"cell_type": "code", "source": ["b", " = 2"]})) == (
        "a = 1\n\nb = 2"
    )
    assert code_of({"cells": "nonsense"}) == code_of({}) == code_of({"cells": [None, {"source": 3}]}) == ""


def test_without_copydetect_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "copydetect", None)
    with pytest.raises(UsageError, match=r"pip install 'torchgrade\[similar\]'"):
        similar_pairs(cohort(), HANDOUT)


# The pages


def hostile_pair() -> Pair:
    nasty = hostile.NASTY
    return Pair(nasty, f"{nasty}2", 0.9, ((nasty, False), (nasty, True)), ((nasty, True), (nasty * 9, False)))


def test_a_hostile_pair_stays_text() -> None:
    pairs = [hostile_pair(), Pair("a", "b", 0.5, (("x\n", True),), (("y\n", True),))]
    page = Page(render_pairs(COURSE, ASSIGNMENT, pairs, {"a": "a.html"}, generated_at=NOW))
    assert_inert(page, scripts=0)
    assert_well_made(page)
    assert "90 % alike" in page.text and "<script>document.title='owned'</script>" in page.text
    index = Page(render_cohort(COURSE, ASSIGNMENT, [], pairs=pairs, generated_at=NOW))
    assert_inert(index, scripts=1)
    anchors = {a["href"].partition("#")[2] for a in index.all("a") if a["href"].startswith("similar.html#")}
    assert anchors == {h["id"] for h in page.all("h2")}


def test_long_stretches_that_differ_are_counted_and_a_full_page_says_so() -> None:
    own = "".join(f"line {n}\n" for n in range(500))
    pair = Pair("a", "b", 0.5, (("same\n", True), (own, False), ("same\n", True)), (("same\n", True),))
    page = Page(render_pairs(COURSE, ASSIGNMENT, [pair], {}, generated_at=NOW))
    assert "… 494 lines …" in page.text and "line 2 " in page.text and "line 250" not in page.text
    full = [Pair("a", "b", 0.5, (("x" * 60_000, True),), (("y" * 60_000, True),)) for _ in range(50)]
    html = render_pairs(COURSE, ASSIGNMENT, full, {}, generated_at=NOW)
    assert len(html) < 1_000_000 and html.count("The code is left out here") == 43


def test_the_cohorts_page_tells_when_nobody_looked_from_when_nothing_was_found() -> None:
    nobody = render_cohort(COURSE, ASSIGNMENT, [], generated_at=NOW)
    nothing = render_cohort(COURSE, ASSIGNMENT, [], pairs=[], generated_at=NOW)
    assert "Similar notebooks" not in nobody
    assert "No two notebooks share more than the task explains." in nothing
