"""The executed notebook in the report: bounded, in plain text, pictures checked."""

from __future__ import annotations

import base64
import re
import struct
import time

import pytest
import samples
from markupsafe import Markup, escape
from samples import code, error, notebook, png, result, stream, text

from torchgrade.feedback.cells import NOTEBOOK_BYTES, Budget, CellView, notebook_view
from torchgrade.feedback.clean import encodable, one_line, plain, shorten, terminal
from torchgrade.feedback.highlight import highlight
from torchgrade.feedback.markdown import markdown, with_code
from torchgrade.feedback.pictures import Picture, picture
from torchgrade.model import CellReport


def seen(html: Markup) -> str:
    """The text a reader sees."""
    return Markup(re.sub(r"<[^>]*>", "", html)).unescape()


# Text


def test_terminal_colours_and_controls_go_and_words_stay() -> None:
    assert plain("\x1b[1;31mred\x1b[0m \x1b]0;title\x07\x9b1mx\x00\x08y\x7f") == "red xy"
    assert plain("an unfinished \x1b]0;title stays") == "an unfinished 0;title stays"
    assert plain("a\r\nb\rc\u2028d\te") == "a\nb\nc\nd\te"


def test_marks_that_turn_the_text_become_visible() -> None:
    assert plain("if admin\u202e # \u2066then") == "if admin[U+202E] # [U+2066]then"


def test_what_no_encoding_holds_is_replaced() -> None:
    assert plain("\ud800x\uffff") == "\ufffdx\ufffd"
    assert encodable("a\ud800b") == "a\ufffdb" and encodable("ё😀\u202e") == "ё😀\u202e"


def test_a_progress_bar_leaves_its_last_state() -> None:
    assert terminal("10%\r55%\r100%\nnext\r\n50%\r") == "100%\nnext\n50%"


def test_a_cut_says_how_much_is_missing() -> None:
    cut = shorten("a" * 6000 + "z" * 3000, 3000)
    assert "… 6,000 characters left out …" in cut and cut.startswith("a" * 2000) and cut.endswith("z" * 1000)
    assert one_line("x" * 50, 10) == "x" * 9 + "…" and shorten("abc", 3) == "abc"


# Source


def test_colour_changes_no_character() -> None:
    source = (
        'def f(x: int) -> str:\n    """A <b>doc</b>\n    string"""\n    return f"{x!r}" & "é"  # end\n\n%magic'
    )
    html = highlight(source)
    assert seen(html) == source
    assert '<i class="k">def</i>' in html and '<i class="c"># end</i>' in html and "<b>" not in html


def test_the_wrong_line_is_marked_in_words() -> None:
    lines = str(highlight("a = 1\nb = c\nd = 2", 2)).split("\n")
    assert [("here" in line) for line in lines] == [False, True, False]


@pytest.mark.parametrize(
    "piece", ["(", '"', "f'{", "\\", '"""', "@", "1_", "def ", '"%(', "\u0301", "\n", "from . "]
)
def test_hostile_source_is_coloured_in_time(piece: str) -> None:
    source = piece * (20_000 // len(piece))
    before = time.monotonic()
    assert seen(highlight(source)) == source
    assert time.monotonic() - before < 3


# Markdown


def test_markdown_is_read() -> None:
    html = markdown("# Title #\nsome **bold** and `x < 1`\n\n```python\nif a < b:\n```\n---\nend")
    assert html.replace("\n", "") == (
        '<p class="mh mh1">Title</p><p>some <strong>bold</strong> and <code>x &lt; 1</code></p>'
        '<pre tabindex="0">if a &lt; b:</pre><hr><p>end</p>'
    )


def test_tables_and_lists_are_shown_as_such() -> None:
    html = markdown("| Layer | Out |\n|---|--:|\n| `conv` | 6 |\n\n- one\n- two\n\n> said")
    for piece in ("<th>Layer</th>", "<td>6</td>", "<li>two</li>", "<blockquote>"):
        assert piece in html
    assert html.count('<div class="table" tabindex="0">') == 1


def test_formulas_stay_as_they_were_written() -> None:
    for formula in (r"$a_1 * b_2 * c_3$", r"$\{x\}$", "$$\n\\frac{a}{b} \\\\ *c* _d_\n$$", "$x < y$"):
        assert escape(formula) in markdown(f"Then {formula} follows")
    assert markdown("costs 5$ and *6*") == "<p>costs 5$ and <em>6</em></p>"


@pytest.mark.parametrize(
    "html", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!-- x -->", "<a href=x>"]
)
def test_html_of_the_students_is_text(html: str) -> None:
    assert str(escape(html)) in markdown(f"{html}\n\ntext {html}\n\n| a |\n|---|\n| {html} |")
    assert html not in markdown(f"{html}\n\n> {html}")


def test_links_are_web_or_mail_and_nothing_else() -> None:
    good = markdown("[a](https://example.org/?q=1&r=2) [b](mailto:a@example.org)")
    assert good.count("<a ") == 2 and 'href="https://example.org/?q=1&amp;r=2"' in good
    for bad in ("javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd", "//host/x",
                "vbscript:x", "java\tscript:x", 'https://x"onmouseover=alert(1)', "https://a'b"):  # fmt: skip
        html = markdown(f"[x]({bad})")
        assert "<a " not in html or "onmouseover" not in html.split(">")[1], bad
        assert re.findall(r'href="(?!https?://|mailto:)', html) == [], bad


def test_a_message_shows_names_as_code_and_no_link() -> None:
    html = with_code("no `out` & [x](https://example.org) **b** `<i>`")
    assert html == "no <code>out</code> &amp; [x](https://example.org) **b** <code>&lt;i&gt;</code>"


def test_pictures_in_markdown_are_not_fetched() -> None:
    assert "<" not in markdown("![x](https://example.org/spy.png)").removeprefix("<p>").removesuffix("</p>")


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "`",
        "**",
        "**a",
        "`a",
        "[a](",
        "# ",
        "```\n",
        "![a](b",
        "-",
        "$",
        "$a",
        "> ",
        "- ",
        "|a",
        "a|b\n-|-\n",
        "<",
        "*a_",
    ],
)
def test_hostile_markdown_is_read_in_time(piece: str) -> None:
    before = time.monotonic()
    markdown(piece * (19_900 // len(piece)))
    assert time.monotonic() - before < 2


# Pictures


def test_a_real_png_is_shown_with_its_size() -> None:
    shown = picture("image/png", [png()[:100] + "\n", png()[100:]], 100_000)
    assert isinstance(shown, Picture) and (shown.width, shown.height) == (220, 120)
    assert shown.source == "data:image/png;base64," + png()


def jpeg(width: int, height: int) -> str:
    app = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF" + bytes(10)
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + bytes(3)
    return base64.b64encode(b"\xff\xd8" + app + b"\xff" + frame + b"\xff\xd9").decode()


def test_a_jpeg_is_measured_from_its_frame() -> None:
    shown = picture("image/jpeg", jpeg(300, 200), 1000)
    assert isinstance(shown, Picture) and (shown.width, shown.height) == (300, 200)


WIDE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 9000, 9) + bytes(20)


@pytest.mark.parametrize(
    ("media", "data", "why"),
    [
        ("image/png", "not base64!", "not valid base64"),
        ("image/png", "ё", "not valid base64"),
        ("image/png", base64.b64encode(b"<svg onload=alert(1)>" * 4).decode(), "not a PNG"),
        ("image/jpeg", png(), "not a JPEG"),
        ("image/png", jpeg(3, 3), "not a PNG"),
        ("image/png", None, "not a PNG"),
        ("image/png", {"a": 1}, "not a PNG"),
        ("image/jpeg", base64.b64encode(b"\xff\xd8" + b"\xff" * 900).decode(), "not a JPEG"),
        ("image/jpeg", jpeg(60_000, 60_000), "too large"),
        ("image/png", base64.b64encode(WIDE).decode(), "too large"),
        ("image/png", "A" * 200_000, "more than the page has room for"),
    ],
)  # fmt: skip
def test_what_is_not_a_fitting_picture_is_named(media: str, data: object, why: str) -> None:
    said = picture(media, data, 100_000)
    assert isinstance(said, str) and why in said


# The whole notebook


def test_rich_outputs_are_shown_as_their_plain_text() -> None:
    html = {"text/html": "<script>x</script>", "image/svg+xml": "<svg onload=x>", "text/plain": "[1 rows]"}
    only = {"application/javascript": "alert(1)", "text/latex": "$x$"}
    (view,) = notebook_view(notebook(code("df", result(html), result(only))), [])
    assert [(o.kind, o.text) for o in view.outputs] == [
        ("text", "[1 rows]"),
        ("note", "An output left out (application/javascript, text/latex): it has no plain text."),
    ]


def test_a_failed_cell_has_its_word_its_line_and_its_folded_traceback() -> None:
    boom = code("a\nb", error("NameError", "\x1b[31mname 'b'\x1b[0m", ["\x1b[0;31mline 2\x1b[0m", "end"]))
    (view,) = notebook_view(notebook(boom), [CellReport(0, "error", line=2)])
    assert view.state is not None and view.state.text == "raised an error"
    assert 'class="l wrong"' in view.body
    (shown,) = view.outputs
    assert (shown.kind, shown.label, shown.text) == ("error", "NameError: name 'b'", "line 2\nend")


def test_a_loop_of_prints_is_one_output() -> None:
    (view,) = notebook_view(notebook(code("x", *(stream(f"{i}\n") for i in range(500)))), [])
    assert len(view.outputs) == 1 and view.outputs[0].text.startswith("0\n1\n")


def test_many_outputs_are_counted_and_not_shown() -> None:
    (view,) = notebook_view(notebook(code("x", *(result({"text/plain": str(i)}) for i in range(100)))), [])
    assert len(view.outputs) == 25 and view.outputs[-1].text == "76 more outputs left out."


def size(views: list[CellView]) -> int:
    pictures = sum(len(o.picture.source) for v in views for o in v.outputs if o.picture)
    return pictures + sum(len(v.body) + sum(len(o.text) for o in v.outputs) for v in views)


def test_a_huge_notebook_keeps_to_the_budget_and_says_so() -> None:
    cells = [code(f"x{i} = {i}\n" * 200, stream("y" * 9000)) for i in range(300)]
    views = notebook_view(notebook(*cells), [CellReport(299, "error", line=1)])
    assert size(views) < NOTEBOOK_BYTES
    assert views[-1].number == 300 and views[-1].outputs, "the failed cell is shown before all others"
    assert sum(v.left_out for v in views) + sum(v.kind == "code" for v in views) == 300
    assert sum(v.left_out for v in views) > 200 and sum(v.kind == "gap" for v in views) == 1


def test_pictures_share_their_own_budget() -> None:
    big = {"image/png": png(400, 900), "text/plain": "<Figure>"}
    room = int(2.5 * len(png(400, 900)))
    views = notebook_view(notebook(*(code("plot()", result(big)) for _ in range(4))), [], Budget(200_000, room))
    assert [v.outputs[0].kind for v in views] == ["picture", "picture", "note", "note"]
    assert "more than the page has room for" in views[2].outputs[0].text


@pytest.mark.parametrize(
    "odd",
    [None, {}, {"cells": None}, {"cells": "abc"}, {"cells": [None, 3, "x", [], {}]}],
)
def test_a_notebook_of_no_known_shape_does_not_break_the_report(odd: object) -> None:
    assert isinstance(notebook_view(odd, []), list)  # type: ignore[arg-type]


def test_cells_of_no_known_shape_do_not_break_the_report() -> None:
    cell = {"cell_type": "code", "source": {"a": 1}, "execution_count": "<b>", "outputs": [
        None, 5, {}, {"output_type": "stream", "text": [1, "ok", None], "name": []},
        {"output_type": "error", "ename": 3, "evalue": None, "traceback": "x"},
        {"output_type": "display_data", "data": []},
        {"output_type": "display_data", "data": {"text/plain": {"x": 1}, 7: "y"}},
    ]}  # fmt: skip
    (view,) = notebook_view({"cells": [cell]}, [])
    assert view.prompt == "[ ]" and [o.kind for o in view.outputs] == ["note", "text", "error", "note", "note"]


def test_raw_and_markdown_cells_are_text() -> None:
    views = notebook_view(notebook(text("**hi** <b>"), {"cell_type": "raw", "source": "<raw>"}), [])
    assert [v.body for v in views] == [
        "<p><strong>hi</strong> &lt;b&gt;</p>",
        '<pre tabindex="0">&lt;raw&gt;</pre>',
    ]


def test_samples_are_shown_whole() -> None:
    assert not [v for v in notebook_view(samples.LAB, []) if v.kind == "gap"]
