"""The executed notebook as the report shows it: every cell and output checked, cut and made harmless."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup, escape

from torchgrade.feedback.clean import joined, one_line, plain, shorten, terminal
from torchgrade.feedback.highlight import highlight, least_size
from torchgrade.feedback.markdown import markdown
from torchgrade.feedback.pictures import Picture, picture
from torchgrade.feedback.words import Word, cell_word
from torchgrade.i18n import _, plural
from torchgrade.model import CellReport

NOTEBOOK_BYTES = 240_000  # of HTML for the notebook, pictures included
PICTURE_BYTES = 170_000  # of that, for data: URIs
_SOURCE, _OUTPUT, _OUTPUTS = 16_000, 5_000, 24  # characters a source, characters an output, outputs a cell
_FRAME = 260  # bytes of markup around a cell or an output


class Budget:
    """Bytes left on the page. ``take`` answers whether there was room, and then there is less."""

    def __init__(self, page: int = NOTEBOOK_BYTES, pictures: int = PICTURE_BYTES) -> None:
        self.page, self.pictures = page, pictures

    def take(self, size: int) -> bool:
        if size > self.page:
            return False
        self.page -= size
        return True


@dataclass(frozen=True)
class OutputView:
    """One output. ``kind``: text, error (folded), picture, note (something was left out)."""

    kind: str
    text: str
    label: str = ""
    picture: Picture | None = None


@dataclass(frozen=True)
class Mark:
    """A criterion that this cell lost: ``anchor`` leads to it."""

    anchor: str
    title: str
    word: Word


@dataclass(frozen=True)
class CellView:
    """One cell, ``number`` counts from 1. ``kind``: code, text, gap (``left_out`` cells that found no room)."""

    kind: str
    number: int
    body: Markup = Markup()
    prompt: str = ""
    left_out: int = 0
    state: Word | None = None
    outputs: tuple[OutputView, ...] = ()
    marks: tuple[Mark, ...] = ()


def notebook_view(
    notebook: Mapping[str, Any] | None,
    reports: Sequence[CellReport],
    budget: Budget | None = None,
    places: Container[int] = (),
) -> list[CellView]:
    """The notebook's cells within the budget. Cells that failed, and those in ``places`` that a criterion
    was lost by, get their room first; sources before outputs."""
    cells = (notebook or {}).get("cells")
    cells = [c if isinstance(c, dict) else {} for c in cells] if isinstance(cells, list) else []
    budget = budget or Budget()
    states = {r.index: r for r in reports}
    order = sorted(range(len(cells)), key=lambda i: (not _went_wrong(states.get(i)) and i not in places, i))
    views = {i: _cell(i, cells[i], states.get(i), budget) for i in order}
    for i in order:
        if views[i].kind == "code":
            views[i] = replace(views[i], outputs=tuple(_outputs(i, cells[i].get("outputs"), budget)))
    return _join_gaps([views[i] for i in range(len(cells))])


def _went_wrong(report: CellReport | None) -> bool:
    return report is not None and report.status != "ok"


def _cell(index: int, cell: dict[str, Any], report: CellReport | None, budget: Budget) -> CellView:
    number = index + 1
    source = shorten(plain(joined(cell.get("source"))), _SOURCE)
    if cell.get("cell_type") != "code":
        body = (
            markdown(source)
            if cell.get("cell_type") == "markdown"
            else Markup('<pre tabindex="0">{}</pre>').format(source)
        )
        return CellView("text", number, body) if budget.take(_size(body)) else CellView("gap", number, left_out=1)
    state = cell_word(report.status) if report is not None and _went_wrong(report) else None
    line = report.line if report is not None and state is not None else None
    for colour in (True, False) if least_size(source) < budget.page else ():
        body = highlight(source, line, colour=colour)
        if budget.take(_size(body)):
            return CellView("code", number, body, _prompt(cell), state=state)
    return CellView("gap", number, left_out=1, state=state)


def _size(body: str) -> int:
    return len(body.encode()) + _FRAME


def _prompt(cell: dict[str, Any]) -> str:
    ran = cell.get("execution_count")
    return f"[{ran}]" if isinstance(ran, int) and 0 <= ran < 1_000_000 else "[ ]"


def _join_gaps(views: list[CellView]) -> list[CellView]:
    """Neighbouring cells that found no room become one."""
    done: list[CellView] = []
    for view in views:
        if view.kind == "gap" and done and done[-1].kind == "gap":
            done[-1] = replace(done[-1], left_out=done[-1].left_out + 1)
        else:
            done.append(view)
    return done


def _outputs(index: int, outputs: Any, budget: Budget) -> list[OutputView]:
    found = [o for o in outputs if isinstance(o, dict)] if isinstance(outputs, list) else []
    merged = _merge_streams(found)
    views: list[OutputView] = []
    for at, output in enumerate(merged[:_OUTPUTS]):
        view = _output(index, output, budget)
        if not budget.take(_size(escape(view.text)) + (len(view.picture.source) if view.picture else 0)):
            left = len(merged) - at
            said = plural(
                "{count} output left out: the page is full.", "{count} outputs left out: the page is full.", left
            )
            return [*views, OutputView("note", said.format(count=left))]
        views.append(view)
    if len(merged) > _OUTPUTS:
        more = len(merged) - _OUTPUTS
        said = plural("{count} more output left out.", "{count} more outputs left out.", more)
        views.append(OutputView("note", said.format(count=more)))
    return views


def _merge_streams(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbouring pieces of one stream as one, so that a loop of prints is one output."""
    merged: list[dict[str, Any]] = []
    pieces: list[list[str]] = []
    for output in outputs:
        stream = output.get("output_type") == "stream"
        if stream and merged and pieces[-1] and merged[-1].get("name") == output.get("name"):
            pieces[-1].append(joined(output.get("text")))
        else:
            merged.append(output)
            pieces.append([joined(output.get("text"))] if stream else [])
    return [{**o, "text": "".join(p)} if p else o for o, p in zip(merged, pieces, strict=True)]


def _output(index: int, output: dict[str, Any], budget: Budget) -> OutputView:
    kind = output.get("output_type")
    if kind == "stream":
        label = "stderr" if output.get("name") == "stderr" else ""
        return OutputView("text", shorten(terminal(joined(output.get("text"))).rstrip("\n"), _OUTPUT), label)
    if kind == "error":
        return _traceback(output)
    data = output.get("data")
    return (
        _display(index, data, budget) if isinstance(data, dict) else OutputView("note", _("An output left out."))
    )


def _traceback(output: dict[str, Any]) -> OutputView:
    name, value = one_line(joined(output.get("ename")), 100), one_line(joined(output.get("evalue")), 300)
    frames = output.get("traceback")
    lines = [f for f in frames if isinstance(f, str)] if isinstance(frames, list) else []
    text = shorten(terminal("\n".join(lines)), _OUTPUT)
    return OutputView("error", text, f"{name}: {value}" if value else name or "Error")


def _display(index: int, data: dict[str, Any], budget: Budget) -> OutputView:
    """The picture where it can be shown, else the plain text; HTML, SVG, LaTeX and scripts never."""
    text = shorten(terminal(joined(data.get("text/plain"))), _OUTPUT)
    media = next((m for m in ("image/png", "image/jpeg") if m in data), None)
    if media is None:
        if text:
            return OutputView("text", text)
        kinds = one_line(", ".join(k for k in data if isinstance(k, str)), 100)
        said = _("An output left out ({kinds}): it has no plain text.").format(kinds=kinds or _("empty"))
        return OutputView("note", said)
    shown = picture(media, data[media], min(budget.pictures, budget.page - _FRAME))
    if isinstance(shown, str):
        return OutputView("note", _("A picture left out: {reason}.").format(reason=shown))
    budget.pictures -= len(shown.source)
    return OutputView("picture", _("Picture made by cell {number}").format(number=index + 1), picture=shown)
