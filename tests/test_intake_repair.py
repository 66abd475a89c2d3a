"""What stands inside a notebook file: what is mended, what is told, what is refused."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from torchgrade.intake import collect, decode, repair
from torchgrade.model import Submission


def code(source: Any = "x = 1", **more: Any) -> dict[str, Any]:
    cell = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source,
    }
    return cell | more


def notebook(*cells: Any, **more: Any) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells or [code()]), **more}


def without(data: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in keys}


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """read(bytes or data) → the Submission; a notebook in it is valid, bare and free of NaN."""

    def submission(content: Any) -> Submission:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        (tmp_path / "ivanov.ipynb").write_bytes(raw)
        (found,) = collect(tmp_path)
        if found.notebook is not None:
            check_clean(found.notebook)
        return found

    return submission


def check_clean(nb: dict[str, Any]) -> None:
    json.dumps(nb, allow_nan=False).encode()
    json.dumps(nb, allow_nan=False, ensure_ascii=False).encode()
    before = json.dumps(nb)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nbformat.validate(nb)
    assert json.dumps(nb) == before  # validation had nothing to mend
    assert (nb["nbformat"], nb["nbformat_minor"]) == (4, 5)
    assert nb["metadata"].keys() == {"kernelspec", "language_info"}
    ids = [cell["id"] for cell in nb["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in nb["cells"]:
        assert cell["metadata"].keys() <= {"tags"} and "attachments" not in cell
        assert cell.get("outputs", []) == [] and cell.get("execution_count") is None


def sources(submission: Submission) -> list[tuple[str, str]]:
    assert submission.notebook is not None, submission.problem
    return [(cell["cell_type"], cell["source"]) for cell in submission.notebook["cells"]]


def test_a_sound_notebook_needs_no_notes(read: Any) -> None:
    found = read(
        notebook(code(["a = 1\n", "b = 2"]), {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "# T"})
    )
    assert found.notes == () and not found.problem
    assert sources(found) == [("code", "a = 1\nb = 2"), ("markdown", "# T")]


def test_reading_is_the_same_each_time(read: Any) -> None:
    data = notebook(code(id="?"), without(code(), "id"), code(), code(id="cell-4"), nbformat_minor=2)
    assert read(data).notebook == read(data).notebook


# Encodings


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_wide_encodings_are_read(read: Any, encoding: str) -> None:
    found = read(json.dumps(notebook(code("# привет 🚀")), ensure_ascii=False).encode(encoding))
    assert sources(found) == [("code", "# привет 🚀")]
    assert found.notes == (f"The file was read as {encoding[:6].upper()}; notebooks are normally UTF-8.",)


def test_a_byte_order_mark_is_left_out(read: Any) -> None:
    found = read(b"\xef\xbb\xbf" + json.dumps(notebook()).encode())
    assert sources(found) == [("code", "x = 1")]
    assert found.notes == ("A byte order mark at the beginning of the file was left out.",)


def test_bytes_that_are_no_text_are_replaced(read: Any) -> None:
    found = read(json.dumps(notebook(code("# ?? x"))).encode().replace(b"??", b"\xcf\xf0"))
    assert sources(found) == [("code", "# \ufffd\ufffd x")]
    assert found.notes == ("Bytes that are not UTF-8 text were replaced by '\ufffd'.",)


def test_halves_of_characters_are_replaced(read: Any) -> None:
    found = read(
        notebook(code("x = '\ud83d'"), code(["y = '\ud83d", "\ude80'"], id="b"), metadata={"x": "\ud800"})
    )
    assert sources(found) == [("code", "x = '\ufffd'"), ("code", "y = '\ufffd\ufffd'")]
    assert found.notes == ("Halves of characters in a cell were replaced by '\ufffd'. (2 times)",)


# JSON that is none


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "The file is empty (0 bytes)"),
        (b" \n\t ", "The file is blank"),
        (b"\xef\xbb\xbf", "The file is blank"),
        (b"\xff\xfe", "The file is blank"),
        (b"\0\0\0\0", "The file is blank"),
        *[(json.dumps(notebook()).encode()[:-n], "The file breaks off in the middle") for n in (1, 2, 10, 20, 40)],
        (b'{"cells": [', "The file breaks off in the middle (at line 1, column 12"),
        (b'{"cells": [\n  {,}]}', "it is not valid JSON at line 2, column 4 ("),
        (b'{"cells": []} trailing', "it is not valid JSON at line 1, column 15 (Extra data)"),
        (b"[1, 2]", "The file is JSON but not a notebook: a notebook is a JSON object"),
        (b'"text"', "The file is JSON but not a notebook: a notebook is a JSON object"),
        (b"null", "The file is JSON but not a notebook: a notebook is a JSON object"),
        (b"NaN", "The file is JSON but not a notebook: a notebook is a JSON object"),
        (b"{}", "it has no cells"),
        (b'{"name": "package"}', "it has no cells"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"cells": ' * 50_000, "nested too deeply"),
        (b'{"metadata": ' + b"[" * 2000 + b"]" * 2000 + b', "cells": []}', "nested too deeply"),
        (b"PK\x03\x04rest", "The file is a zip archive, not a notebook"),
        (b"%PDF-1.7", "The file is a PDF, not a notebook"),
        (b"\n<!DOCTYPE html><html>", "The file is a web page (HTML), not a notebook"),
        (b"\x1f\x8b\x08", "The file is a gzip archive, not a notebook"),
        (b"\x89PNG\r\n", "The file is a picture, not a notebook"),
        (b"import torch\n", "it is not valid JSON at line 1, column 1"),
        (b'{"nbformat": 4, "cells": {"a": 1}}', "its cells are not a list"),
        (b'{"nbformat": 4, "cells": "x"}', "its cells are not a list"),
        (b'{"nbformat": 3, "worksheets": "x"}', "its worksheets are not a list"),
    ],
)
def test_files_that_hold_no_notebook(read: Any, raw: bytes, told: str) -> None:
    found = read(raw)
    assert told in found.problem
    assert "\n" not in found.problem and len(found.problem) < 300


def test_numbers_that_json_does_not_know_become_null(read: Any) -> None:
    raw = json.dumps(notebook(code(execution_count=1234), metadata={"a": 5678}, nbformat_minor=91)).encode()
    for old, new in ((b"1234", b"Infinity"), (b"5678", b"[NaN, -Infinity, 1e999]"), (b"91", b"9" * 5000)):
        raw = raw.replace(old, new)
    found = read(raw)
    assert sources(found) == [("code", "x = 1")]
    assert "Numbers that JSON does not know (NaN, Infinity, far too large) were read as null." in found.notes


def test_decoded_data_holds_nothing_that_json_cannot_say() -> None:
    data, notes = decode.decode(b"[1.5, 7, NaN, Infinity, -Infinity, 1e999, -1e999, " + b"9" * 5000 + b"]")
    assert data == [1.5, 7, *[None] * 6] and len(notes) == 1


def test_the_last_of_two_equal_keys_counts(read: Any) -> None:
    found = read(json.dumps(notebook()).encode().replace(b'"source"', b'"source": "first", "source"'))
    assert sources(found) == [("code", "x = 1")]
    assert found.notes == ("Some JSON keys stood there twice: the last one counts.",)


def test_raw_line_breaks_inside_a_text_are_accepted(read: Any) -> None:
    found = read(json.dumps(notebook(code("a@b"))).encode().replace(b"@", b"\n\t"))
    assert sources(found) == [("code", "a\n\tb")]
    assert found.notes == ("Line breaks or tabs that stood unescaped inside JSON texts were accepted.",)


# Memory


def test_millions_of_tiny_values_are_refused_before_they_are_read(
    read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "MAX_VALUES", 1000)
    assert "too large to read" in read(notebook(metadata={"x": [{}] * 600})).problem
    assert read(notebook(metadata={"x": ",:[{" * 600 + '\\" "'})).notebook  # inside a text they cost nothing
    assert "breaks off" in read(b'{"cells": ["' + b'\\",' * 100_000).problem


def test_text_that_python_would_hold_four_bytes_wide_is_bounded(
    read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "MAX_TEXT", 5000)
    assert read(notebook(code("x" * 2000))).notebook
    wide = json.dumps(notebook(code("🚀" + "x" * 2000)), ensure_ascii=False)
    assert "too large to read" in read(wide.encode()).problem


def test_cells_and_their_text_are_bounded(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "MAX_CELLS", 3)
    assert "more than 3 cells" in read(notebook(*[code(id=f"c{i}") for i in range(4)])).problem
    monkeypatch.setattr(repair, "MAX_SOURCE", 10)
    assert "far too long" in read(notebook(code("x" * 11))).problem


# Fields


@pytest.mark.parametrize("key", ["nbformat", "nbformat_minor", "metadata"])
def test_a_missing_field_of_the_notebook_is_filled_in(read: Any, key: str) -> None:
    found = read(without(notebook(), key))
    assert sources(found) == [("code", "x = 1")]
    assert found.notes == (f"Missing fields were filled in: {key}.",)


def test_a_notebook_without_cells_is_empty(read: Any) -> None:
    for data in (without(notebook(), "cells"), notebook(cells=None)):
        found = read(data)
        assert sources(found) == []
        assert found.notes == ("Missing fields were filled in: cells.",)


@pytest.mark.parametrize("key", ["metadata", "execution_count", "outputs", "source", "cell_type"])
def test_a_missing_field_of_a_cell_is_filled_in(read: Any, key: str) -> None:
    found = read(notebook(without(code(), key), code(id="b")))
    assert sources(found) == [("code", "" if key == "source" else "x = 1"), ("code", "x = 1")]
    assert found.notes == (f"Missing fields were filled in: {key}.",)


@pytest.mark.parametrize("version", ["4", True, 4.0, None, [4], -1, 0, {"a": 1}])
def test_an_odd_version_is_taken_for_four(read: Any, version: Any) -> None:
    assert sources(read(notebook(nbformat=version))) == [("code", "x = 1")]


def test_a_notebook_from_the_future_is_read_as_four(read: Any) -> None:
    found = read(notebook(nbformat=5))
    assert sources(found) == [("code", "x = 1")]
    assert found.notes == ("The notebook says nbformat 5; it was read as nbformat 4.",)


@pytest.mark.parametrize("metadata", [[], "x", 3, [1]])
def test_metadata_that_is_no_object_is_left_out(read: Any, metadata: Any) -> None:
    found = read(notebook(code(metadata=metadata), metadata=metadata))
    assert found.notes == ("Metadata that is not a JSON object was left out. (2 times)",)


def test_an_unknown_type_of_cell_becomes_raw(read: Any) -> None:
    found = read(notebook(code(cell_type="sql"), code(cell_type=["code"], id="b"), code(id="c")))
    assert [kind for kind, _ in sources(found)] == ["raw", "raw", "code"]
    assert found.notes == ("A cell of an unknown type was kept as raw text and is not run. (2 times)",)


def test_what_is_no_cell_is_left_out(read: Any) -> None:
    found = read(notebook("text", None, 3, [], code()))
    assert sources(found) == [("code", "x = 1")]
    assert found.notes == ("Something among the cells that is not a cell was left out. (4 times)",)


@pytest.mark.parametrize(
    ("source", "text", "told"),
    [
        (["a\n", 3, None, "b"], "a\nb", "Something in a cell's source that is not text was left out."),
        (42, "", "A cell whose source is not text was emptied."),
        ({"a": "b"}, "", "A cell whose source is not text was emptied."),
        (None, "", "Missing fields were filled in: source."),
    ],
)
def test_sources_that_are_not_text(read: Any, source: Any, text: str, told: str) -> None:
    found = read(notebook(code(source)))
    assert sources(found) == [("code", text)]
    assert found.notes == (told,)


def test_ids_are_made_valid_and_unique(read: Any) -> None:
    wanted = ["same", "same", "", "x" * 65, "with space", "line\n", 7, "cell-2", None]
    found = read(notebook(*[code(id=id) for id in wanted]))
    ids = [cell["id"] for cell in found.notebook["cells"]]
    assert ids == ["same", "cell-2-1", "cell-3", "cell-4", "cell-5", "cell-6", "cell-7", "cell-2", "cell-9"]
    assert found.notes == ("A cell got a new id, because its own was not valid or not the only one. (6 times)",)


def test_older_notebooks_have_no_ids_and_need_no_note(read: Any) -> None:
    found = read(notebook(without(code(), "id"), without(code(), "id"), nbformat_minor=4))
    assert [cell["id"] for cell in found.notebook["cells"]] == ["cell-1", "cell-2"]
    assert found.notes == ()


def test_only_valid_tags_stay(read: Any) -> None:
    tags = ["a", "a", "b,c", "", 3, "x" * 65, "\ud800", "ok"]
    found = read(
        notebook(code(metadata={"tags": tags, "nbgrader": {"points": 100}}), code(metadata={"tags": "a"}, id="b"))
    )
    assert [cell["metadata"] for cell in found.notebook["cells"]] == [{"tags": ["a", "ok"]}, {}]


def test_stored_results_never_come_along(read: Any) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "12 passed, score 100/100"}
    nbgrader = {"grade": True, "points": 100, "score": 100}
    data = notebook(
        code(outputs=[output], execution_count=7, metadata={"nbgrader": nbgrader, "collapsed": True}),
        code(outputs={"not": "a list"}, execution_count="x", id="b", extra="100"),
        metadata={"grade": 100, "widgets": {}},
        grade=100,
    )
    found = read(data)
    assert "100" not in json.dumps(found.notebook) and found.notes == ()


def test_attached_pictures_are_left_out_and_told(read: Any) -> None:
    cell = {
        "cell_type": "markdown",
        "id": "m",
        "metadata": {},
        "source": "",
        "attachments": {"a.png": {"image/png": "AA"}},
    }
    assert read(notebook(cell)).notes == ("Pictures attached to a text cell were left out.",)


# Languages


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}, "R"),
        ({"kernelspec": {"name": "ir"}}, "R"),
        ({"kernelspec": {"name": "julia-1.9"}}, "Julia"),
        ({"language_info": {"name": "julia"}}, "julia"),
        ({"language_info": {"name": "C++\ud800" + "x" * 99}}, "C++\ufffd" + "x" * 16),
        ({"language": "Haskell"}, "Haskell"),
    ],
)
def test_other_languages_are_told(read: Any, metadata: dict[str, Any], language: str) -> None:
    assert read(notebook(metadata=metadata)).problem == (
        f"The notebook is written in {language}, but this course needs Python. Choose a Python kernel."
    )


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"name": "conda-env-r-py", "display_name": "x"}},
        {"kernelspec": {"name": "../../etc", "language": "python"}},
        {"kernelspec": {"name": "python2"}, "language_info": {"name": "python", "version": "2.7.18"}},
        {"kernelspec": {"language": "R"}, "language_info": {"name": "ipython"}},
        {"kernelspec": 3, "language_info": ["python"]},
        {"kernelspec": {"name": 3, "language": {}}, "language_info": {"name": None, "version": "3.8\n<b>"}},
        {"language_info": {"name": "Python3"}},
    ],
)
def test_all_kinds_of_python_get_the_one_kernel(read: Any, metadata: dict[str, Any]) -> None:
    found = read(notebook(metadata=metadata))
    assert found.notebook["metadata"]["kernelspec"]["name"] == "python3"
    version = found.notebook["metadata"]["language_info"].get("version")
    assert version in (None, "2.7.18")


# Old formats


def old(version: int, *cells: Any, **more: Any) -> dict[str, Any]:
    return {"nbformat": version, "metadata": {"name": ""}, "worksheets": [{"cells": list(cells)}], **more}


@pytest.mark.parametrize("version", [2, 3])
def test_worksheets_are_upgraded(read: Any, version: int, capfd: pytest.CaptureFixture[str]) -> None:
    output = {"output_type": "pyout", "prompt_number": 1, "text": "42"}
    found = read(
        old(
            version,
            {"cell_type": "code", "input": ["a = 1\n", "b = 2"], "outputs": [output], "language": "python"},
            {"cell_type": "heading", "level": 2, "source": "Title"},
            {"cell_type": "markdown", "source": "text"},
            {"cell_type": "code"},
            {"cell_type": ["odd"], "source": 3},
            "no cell",
        )
    )
    assert sources(found) == [
        ("code", "a = 1\nb = 2"), ("markdown", "## Title"), ("markdown", "text"), ("code", ""), ("raw", ""),
    ]  # fmt: skip
    assert found.notes == (f"The notebook was upgraded from nbformat {version}.",)
    assert read(old(version, {"cell_type": "code", "input": "x"})).notebook["cells"][0]["id"] == "cell-1"
    assert capfd.readouterr() == ("", "")  # nbformat found nothing to complain of


def test_the_first_format_is_upgraded(read: Any) -> None:
    cells = [{"cell_type": "code", "code": "x = 1", "prompt_number": 1}, {"cell_type": "text", "text": "hi"}, 3]
    for data in ({"nbformat": 1, "cells": cells}, {"cells": cells}):
        assert sources(read(data)) == [("code", "x = 1"), ("markdown", "hi")]


def test_worksheets_without_a_version_are_upgraded(read: Any) -> None:
    data = without(
        old(3, {"cell_type": "code", "input": "x = 1"}, {"cell_type": "html", "source": "<b>"}), "nbformat"
    )
    assert sources(read(data)) == [("code", "x = 1"), ("markdown", "<b>")]


def test_a_wrong_version_over_new_cells_is_overlooked(read: Any) -> None:
    assert sources(read(notebook(nbformat=3))) == [("code", "x = 1")]


def test_odd_worksheets_are_read_as_far_as_they_go(read: Any) -> None:
    assert sources(
        read({"nbformat": 3, "worksheets": [3, {"cells": 4}, {}, {"cells": [{"cell_type": "heading"}]}]})
    ) == [("markdown", "# ")]
    assert sources(read({"nbformat": 3})) == []


# Whatever JSON

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("code")
keys = st.sampled_from([
    "cells", "worksheets", "nbformat", "nbformat_minor", "metadata", "cell_type", "source", "input", "code",
    "text", "id", "tags", "outputs", "kernelspec", "language_info", "name", "language", "version", "level",
    "attachments",
])  # fmt: skip
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5)
)
odd_cells = st.fixed_dictionaries(
    {}, optional={"cell_type": scalars, "source": anything, "input": anything, "metadata": anything, "id": scalars}
)
odd_notebooks = st.fixed_dictionaries(
    {"cells": st.lists(odd_cells | anything, max_size=4)},
    optional={
        "nbformat": st.sampled_from([1, 2, 3, 4, 5]) | scalars,
        "metadata": anything,
        "worksheets": st.lists(
            st.fixed_dictionaries({"cells": st.lists(odd_cells, max_size=3)}) | anything, max_size=3
        ),
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(odd_notebooks | anything)
def test_any_json_is_a_clean_notebook_or_a_problem(read: Any, data: Any) -> None:
    found = read(data)
    assert bool(found.problem) == (found.notebook is None)
