"""A verdict in which every word that a student can choose is an attack."""

from __future__ import annotations

from dataclasses import replace

import samples
from samples import code, error, notebook, result, stream, text

from torchgrade.model import CellReport, Evidence, Outcome, Verdict

MARK = "owned"
ATTACKS = (
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "</style><style>body{display:none}</style>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "'><svg onload=document.title='owned'>",
    "<a href=\"javascript:document.title='owned'\">x</a>",
    "<iframe srcdoc=\"<script>parent.document.title='owned'</script>\"></iframe>",
    "<meta http-equiv=refresh content='0;url=http://example.org/'>",
    "<link rel=stylesheet href=http://example.org/x.css>",
    "<base href=http://example.org/>",
    "<!-- </details></main></body> ]]>",
    "{{7*7}}{% raw %}${7*7}#{7*7}",
    "&lt;script&gt;&#60;script&#62;",
    "\u202egnp.exe\u2066\u200f",
    "\x1b[31mred\x1b[0m\x1b]8;;http://example.org\x07link\x9b0m",
    "\x00\x01\x08\x7f\x85\ufffe\uffff\ud800\udfff",
    "=cmd|' /C calc'!A0",
)
NASTY = " ".join(ATTACKS)
KINDS = ("text/html", "image/svg+xml", "application/javascript", "text/latex", "text/markdown")


def hostile(student: str = NASTY) -> Verdict:
    """Every field that a student's text may reach is full of it."""
    rows = tuple(tuple(attack for attack in ATTACKS) for _ in range(12))
    arrays = tuple(Evidence(f"{label} {NASTY}", (2, 2), NASTY, rows) for label in ("expected", "got", *ATTACKS))
    base = samples.crashed(student)
    results = tuple(
        replace(
            r,
            outcome=outcome,
            message=NASTY,
            hint=NASTY,
            detail="TEACHER-ONLY",
            evidence=arrays,
            **_named(outcome),
        )
        for r, outcome in zip(base.criteria, [*Outcome, Outcome.FAILED], strict=True)
    )
    cells = tuple(CellReport(i, "error", 0.1, NASTY, NASTY, 1) for i in range(40))
    return replace(
        base, reason=NASTY, notes=(NASTY,) * 50, device=NASTY, sandbox=NASTY, seed=NASTY, criteria=results,
        cells=cells, versions={NASTY: NASTY}, digests={NASTY: NASTY, "notebook": NASTY},
        notebook=hostile_notebook(),
    )  # fmt: skip


def _named(outcome: Outcome) -> dict[str, str]:
    """By which the cohort's page counts: engine's words by right, but a gradebook is a file like any other."""
    return {"mistake": NASTY} if outcome is Outcome.PARTIAL else {"fingerprint": NASTY}


def hostile_notebook() -> dict[str, object]:
    """Attacks as source, as Markdown and as every kind of output."""
    everything = dict.fromkeys((*KINDS, "text/plain"), NASTY)
    outputs = [
        stream(NASTY), stream(NASTY, "stderr"), stream("x" * 1_000_000), error(NASTY, NASTY, [NASTY] * 5),
        result(everything), result({"text/html": NASTY}), result({"image/png": NASTY}),
        result({"image/jpeg": "AAAA"}), result({NASTY: NASTY}),
    ]  # fmt: skip
    sources = [*ATTACKS, NASTY, "y = '" + "A" * 1_000_000, "# " + NASTY.replace(" ", "\n")]
    cells = [code(source, *outputs) for source in sources[:3]] + [code(source) for source in sources[3:]]
    links = " ".join(f"[x](javascript:{a}) ![x]({a}) [{a}]({a}) `{a}` **{a}**" for a in ATTACKS)
    cells += [
        text(NASTY),
        text(links),
        text("# " + NASTY),
        text("```" + NASTY + "\n" + NASTY),
        {"cell_type": NASTY},
    ]
    return notebook(*cells) | {"metadata": {"title": NASTY}}
