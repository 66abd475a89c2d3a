"""The server in this process: who comes in, what forms do, and that nothing typed or handed in becomes markup."""

from __future__ import annotations

import csv
import html
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from serving import COURSE, TOKEN, Answer, Client, criteria, make_verdict, record

from torchgrade.gradebook import Decisions, Gradebook, history
from torchgrade.model import CriterionResult, Outcome, Status
from torchgrade.serve.desk import Desk

WORK = {"digests": {"notebook": "0123abcd"}}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}"


def work(mine: Decisions, student: str = "anna") -> str:
    return next(f"/work/{s.id}" for s in mine.standings("double") if s.verdict.student == student)


def filled(page: Answer, **typed: str) -> dict[str, str]:
    """The fields of the page's form as a browser would send them, with what was typed."""
    form = page.text[page.text.index('action="/work/') :].partition("</form>")[0]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        parts = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if parts.get("type") != "checkbox" or " checked" in tag:
            found[parts["name"]] = html.unescape(parts.get("value", ""))
    for name, text in re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        found[name] = html.unescape(text)
    return found | {name.replace("_", "-"): value for name, value in typed.items()}


def save(client: Client, path: str, **typed: str) -> Answer:
    return client.post(path, filled(client.get(path), **typed))


# The door


def test_the_token_is_changed_for_a_cookie_that_no_script_can_read(stranger: Client) -> None:
    said = stranger.get(f"/?token={TOKEN}")
    assert (said.status, said.headers["location"]) == (303, "/"), "the token leaves the address bar"
    cookie = said.headers["set-cookie"]
    assert cookie.startswith("torchgrade_8000=") and "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert TOKEN not in cookie
    stranger.cookie = said.cookie
    assert stranger.get("/").status == 200


@pytest.mark.parametrize(
    "path", ["/", "/log", "/assignment/double", "/work/1", "/work/1/page", "/static/serve.css"]
)
def test_without_the_token_there_is_nothing(stranger: Client, path: str) -> None:
    for cookie in ("", "torchgrade_8000=", f"torchgrade_8000={TOKEN}", "torchgrade_8000=\xff"):
        stranger.cookie = cookie
        said = stranger.get(path)
        assert said.status == 403 and "anna" not in said.text and "set-cookie" not in said.headers


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1], "%ED%A0%80"])
def test_a_wrong_token_opens_nothing(stranger: Client, token: str) -> None:
    said = stranger.get(f"/?token={token}")
    assert said.status == 403 and "set-cookie" not in said.headers


def test_a_token_alone_decides_nothing(stranger: Client, mine: Decisions) -> None:
    path = work(mine)
    assert stranger.post(f"{path}?token={TOKEN}", {"points-2": "3"}).status == 403
    assert stranger.post(f"/?token={TOKEN}", {}).status == 403
    assert mine.log() == []


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "127.0.0.1", "127.0.0.1:8001", "localhost.evil.example:8000", "",
     ":8000", "10.0.0.1:8000", "[::1]"],
)  # fmt: skip
def test_another_host_is_not_served(client: Client, host: str) -> None:
    client.host = host
    said = client.get("/")
    assert said.status == 421 and "anna" not in said.text
    assert client.get(f"/?token={TOKEN}").status == 421, "not even with the token"


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST:8000", "[::1]:8000"])
def test_this_machine_is_served_by_each_of_its_names(client: Client, host: str) -> None:
    client.host = host
    assert client.get("/").status == 200


def test_a_form_without_our_token_changes_nothing(client: Client, mine: Decisions) -> None:
    path = work(mine)
    fields = filled(client.get(path), points_2="3")
    for csrf in ("", "wrong", TOKEN, client.keys.session):
        assert client.post(path, fields | {"csrf": csrf}).status == 403
    del fields["csrf"]
    for target in (path, f"{path}/release", "/assignment/double/release"):
        assert client.post(target, fields, csrf=False).status == 403
    assert mine.log() == [] and mine.releases("double") == {}


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:8001"},
     {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}],
)  # fmt: skip
def test_a_form_from_elsewhere_changes_nothing(client: Client, mine: Decisions, headers: dict[str, str]) -> None:
    path = work(mine)
    assert client.post(path, filled(client.get(path), points_2="3"), **headers).status == 403
    assert mine.log() == []


def test_a_form_from_here_is_taken(client: Client, mine: Decisions) -> None:
    path = work(mine)
    here = {"origin": "http://127.0.0.1:8000", "sec_fetch_site": "same-origin"}
    assert client.post(path, filled(client.get(path), points_2="3"), **here).status == 303
    assert [e.action for e in mine.log()] == ["award"]


def test_a_form_too_long_or_unreadable_is_refused(client: Client, mine: Decisions) -> None:
    assert client.post(work(mine), b"a=" + b"x" * 500_000).status == 413
    assert client.post(work(mine), b"&".join(b"a=1" for _ in range(3000))).status == 400
    assert client.post(work(mine), b"\xff\xfe=\xed\xa0\x80%zz").status == 403


def test_looking_changes_nothing_whatever_the_address_says(client: Client, mine: Decisions) -> None:
    path = work(mine)
    for said in (f"{path}?points-2=3", f"{path}/release", "/assignment/double/release"):
        assert client.get(said).status in (200, 405)
    assert mine.log() == []


def test_every_answer_has_a_strict_policy(client: Client, mine: Decisions) -> None:
    for path in ("/", "/log", "/assignment/double", work(mine), "/nothing", "/static/live.js"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        assert headers["x-frame-options"] == "DENY" and headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
    framed = client.get(f"{work(mine)}/page").headers
    assert framed["content-security-policy"].startswith("sandbox;") and framed["x-frame-options"] == "SAMEORIGIN"


def test_pages_have_no_inline_script_and_ask_nobody_else(client: Client, mine: Decisions) -> None:
    for path in ("/", "/log", "/assignment/double", work(mine)):
        text = client.get(path).text
        assert re.findall(r"<script\b[^>]*>([^<]*)</script>", text) == [""]
        assert not re.search(r"\son\w+=|\sstyle=|<style|https?://", text)


@pytest.mark.parametrize(
    "path", ["/work/999", "/work/99999999999999999999", "/assignment/none", "/static/..%2fx", "/x"]
)
def test_what_is_not_there_is_told(client: Client, path: str) -> None:
    assert client.get(path).status == 404


# Grading by hand


def test_a_teacher_grades_overrides_and_comments(client: Client, mine: Decisions) -> None:
    path = work(mine)
    said = save(
        client,
        path,
        points_2="2,5",
        comment_2="Well said.",
        points_0="1",
        reason_0="A typo.",
        comment_whole="Thanks.",
    )
    assert (said.status, said.headers["location"]) == (303, f"{path}?saved=1")
    found = mine.of("double")["anna"]
    assert {c: (d.points, d.reason, d.comment) for c, d in found.items()} == {
        "words": (2.5, "", "Well said."), "doubles": (1.0, "A typo.", ""), "": (None, "", "Thanks."),
    }  # fmt: skip
    page = client.get(path).text
    assert "4.5 of 6" in page and "1 of 3" in page, "both are shown"
    assert {e.who for e in mine.log()} == {"frau lehrerin"}
    report = client.get(f"{path}/page").text
    assert "A typo." in report and "Well said." in report and "Thanks." in report


def test_saving_twice_changes_nothing(client: Client, mine: Decisions) -> None:
    path = work(mine)
    save(client, path, points_2="2.125", reason_0="", comment_0="two\r\nlines")
    assert save(client, path).headers["location"] == f"{path}?saved=0"
    assert len(mine.log()) == 2


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [({"points_2": "4"}, "must lie between 0 and 3."), ({"points_2": "-1"}, "must lie between 0 and 3."),
     ({"points_2": "nan"}, "is not a number"), ({"points_2": "1e3"}, "is not a number"),
     ({"points_2": "two"}, "is not a number"), ({"points_3": "1.5"}, "must lie between 0 and 1."),
     ({"points_0": "1"}, "Say why"), ({"comment_2": "x" * 1201}, "at most 1200")],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_sentence_and_nothing_typed_is_lost(
    client: Client, mine: Decisions, typed: dict[str, str], sentence: str
) -> None:
    said = save(client, work(mine), comment_whole="Do not lose me.", **typed)
    assert said.status == 422 and sentence in said.text and 'role="alert"' in said.text
    assert "Do not lose me." in said.text and 'aria-invalid="true"' in said.text
    assert mine.log() == []


def test_the_later_of_two_teachers_is_told_and_may_save_knowingly(client: Client, mine: Decisions) -> None:
    path = work(mine)
    fields = filled(client.get(path), points_2="1")
    mine.decide("double", "anna", [_wish(3.0)], who="max", notebook_digest="anna one")
    said = client.post(path, fields)
    assert said.status == 409 and "max has changed this" in said.text and "3 points by max" in said.text
    assert mine.of("double")["anna"]["words"].points == 3.0
    assert client.post(path, filled(said)).status == 303, "what was typed is still in the form"
    assert mine.of("double")["anna"]["words"].points == 1.0


def _wish(points: float) -> Any:
    from torchgrade.gradebook import Wish

    return Wish("words", points)


def test_a_newer_notebook_makes_the_teacher_look_again(client: Client, mine: Decisions, book: Gradebook) -> None:
    path = work(mine)
    save(client, path, points_2="3")
    fields = filled(client.get(path), points_3="1")
    record(book, make_verdict("anna", "two", attempt=2))
    said = client.post(path, fields)
    assert said.status == 409 and "another notebook" in said.text
    page = client.get(path)
    assert "Decided on attempt 1; this is attempt 2." in page.text, "the old address leads to the newest work"
    assert client.post(path, filled(page, keep_2="yes")).status == 303
    assert mine.of("double")["anna"]["words"].attempt == 2


def test_save_and_next_leads_to_the_next_that_waits(client: Client, mine: Decisions) -> None:
    said = save(client, work(mine), points_2="3", points_3="0", then="next")
    assert said.headers["location"] == work(mine, "boris")
    said = save(client, work(mine, "boris"), points_2="3", points_3="0", then="next")
    assert said.headers["location"] == f"{work(mine, 'boris')}?saved=1", "nothing waits any more"


def test_the_table_follows_the_grading(client: Client, mine: Decisions, book: Gradebook) -> None:
    page = client.get("/assignment/double").text
    stamp = re.search(r'data-stamp="([^"]*)"', page)
    assert stamp is not None
    since = stamp[1].replace(" ", "%20").replace(":", "%3A")
    assert client.get(f"/assignment/double/live?since={since}").status == 204
    record(book, make_verdict("carl"), ended=False)
    said = client.get(f"/assignment/double/live?since={since}")
    assert said.status == 200 and "carl" in said.text and "3 submissions graded" in said.text
    assert "has not ended" in said.text and "csrf" not in said.text


# Release


def published(desk: Desk) -> dict[str, str]:
    return {p.name: p.read_text(encoding="utf-8") for p in desk.out.rglob("*") if p.is_file()}


def test_nothing_is_published_before_release(client: Client, mine: Decisions, desk: Desk) -> None:
    path = work(mine)
    save(client, path, points_2="3", comment_2="Well said.")
    for seen in ("/", "/assignment/double", path, f"{path}/page", "/log"):
        client.get(seen)
    assert published(desk) == {}


def test_a_release_publishes_this_student_with_what_was_decided(
    client: Client, mine: Decisions, desk: Desk
) -> None:
    path = work(mine)
    save(client, path, points_2="3", comment_2="Well said.")
    mark = re.search(r'name="mark" value="(\w+)"', client.get(path).text)
    assert mark is not None
    assert client.post(f"{path}/release", {"mark": mark[1]}).status == 303
    files = published(desk)
    assert set(files) == {"anna.html", "grades.csv"} and "Well said." in files["anna.html"]
    assert files["grades.csv"].splitlines()[1].startswith("anna,graded,4,6,0,0,1,3,,")
    assert (desk.out / "released" / "double" / "anna.html").is_file()
    assert mine.log()[0].action == "release"


def test_what_changes_after_release_is_shown_and_not_published(
    client: Client, mine: Decisions, desk: Desk
) -> None:
    desk.release("double", "anna")
    before = published(desk)
    assert "hanged since release" not in client.get(work(mine)).text
    save(client, work(mine), comment_whole="One thing more.")
    assert "Changed since release" in client.get(work(mine)).text
    assert "changed since release" in client.get("/assignment/double").text
    assert published(desk) == before
    assert desk.release_all("double", everybody=True) == (2, 0)
    assert "One thing more." in published(desk)["anna.html"]


def test_a_release_says_what_being_late_takes_off(client: Client, book: Gradebook, desk: Desk, root: Path) -> None:
    yaml = root / "assignments" / "double" / "assignment.yaml"
    yaml.write_text(f"due: 2026-03-01 23:59 UTC\nlate: {{minus: 50 %, per: day}}\n{yaml.read_text()}")
    book.attempt_numbers("double", [("anna", "anna one")], course=COURSE)
    late = datetime(2026, 3, 2, 12, tzinfo=UTC)
    history.keep_times(book, "double", [("anna", "anna one", late)], course=COURSE, replace=False)
    desk.release("double", "anna")
    page = (desk.folder("double") / "anna.html").read_text()
    assert "50 %" in page and "0.5" in page
    assert "0.5" in desk.page("double", "anna")
    (row,) = csv.DictReader((desk.folder("double") / "grades.csv").read_text().splitlines())
    assert (row["points"], row["counted_points"], row["late_seconds"]) == ("1", "0.5", "43260")


def test_a_due_date_that_moves_after_release_is_shown_as_a_change(
    client: Client, book: Gradebook, mine: Decisions, desk: Desk, root: Path
) -> None:
    yaml = root / "assignments" / "double" / "assignment.yaml"
    before = yaml.read_text()
    yaml.write_text(f"due: 2026-03-01 23:59 UTC\nlate: {{minus: 50 %, per: day}}\n{before}")
    book.attempt_numbers("double", [("anna", "anna one")], course=COURSE)
    late = datetime(2026, 3, 2, 12, tzinfo=UTC)
    history.keep_times(book, "double", [("anna", "anna one", late)], course=COURSE, replace=False)
    assert desk.release_all("double", everybody=True) == (2, 0)
    stamp = desk.stamp("double")
    assert "hanged since release" not in client.get(work(mine)).text, "the page tells of the late work already"
    yaml.write_text(f"due: 2026-03-03 23:59 UTC\nlate: {{minus: 50 %, per: day}}\n{before}")
    assert desk.stamp("double") != stamp, "an open table is renewed"
    assert "Changed since release" in client.get(work(mine)).text
    assert client.get("/assignment/double").text.count("changed since release") == 1, "boris loses nothing by it"
    yaml.write_text("due: [")
    assert client.get("/assignment/double").status == 200, "a broken file does not close the table"
    yaml.write_text(f"due: 2026-03-03 23:59 UTC\nlate: {{minus: 50 %, per: day}}\n{before}")
    assert desk.release_all("double", everybody=True) == (1, 0)
    assert "hanged since release" not in client.get(work(mine)).text


def test_a_group_is_told_what_its_member_handed_in(book: Gradebook, desk: Desk, root: Path) -> None:
    yaml = root / "assignments" / "double" / "assignment.yaml"
    yaml.write_text(f"groups: true\n{yaml.read_text()}")
    settings = {"roster": {"anna": {"group": "one"}, "boris": {"group": "one"}}}
    run = book.start_run("double", settings, course=COURSE)
    better = make_verdict("boris", points=3.0, criteria=criteria(doubles=Outcome.PASSED))
    for verdict in (make_verdict("anna"), better):
        book.record(verdict, f"again {verdict.student}", run)
    book.attempt_numbers("double", [("boris", "boris one")], course=COURSE)
    early = datetime(2026, 3, 1, 12, tzinfo=UTC)
    times = [("anna", "anna one", early), ("boris", "boris one", early + timedelta(hours=1))]
    book.attempt_numbers("double", [("anna", "anna one")], course=COURSE)
    history.keep_times(book, "double", times, course=COURSE, replace=False)
    desk.release("double", "anna")
    (row,) = csv.DictReader((desk.folder("double") / "grades.csv").read_text().splitlines())
    assert (row["points"], row["counted_points"]) == ("1", "3")
    assert "What boris of your group handed in counts." in (desk.folder("double") / "anna.html").read_text()
    assert [w.changed for w in desk.works("double")] == [False, False]


def test_a_release_of_what_was_not_seen_is_refused(client: Client, mine: Decisions, desk: Desk) -> None:
    page = client.get(work(mine)).text
    mark = re.search(r'name="mark" value="(\w+)"', page)
    save(client, work(mine), points_2="3")
    assert mark is not None
    said = client.post(f"{work(mine)}/release", {"mark": mark[1]})
    assert said.status == 409 and "Nothing was released" in said.text and published(desk) == {}


def test_those_who_wait_are_left_out_unless_asked_for(client: Client, mine: Decisions, desk: Desk) -> None:
    save(client, work(mine), points_2="3", points_3="1")
    said = client.post("/assignment/double/release", {})
    assert said.headers["location"] == "/assignment/double?done=1&left=1"
    assert set(published(desk)) == {"anna.html", "grades.csv"}
    said = client.post("/assignment/double/release", {"everybody": "yes"})
    assert said.headers["location"] == "/assignment/double?done=1&left=0"
    assert set(published(desk)) == {"anna.html", "boris.html", "grades.csv"}


def test_a_disk_that_refuses_is_told(client: Client, mine: Decisions, desk: Desk) -> None:
    desk.out.write_text("a file where the folder should be")
    said = client.post("/assignment/double/release", {"everybody": "yes"})
    assert said.status == 503 and "Release it again." in said.text


# What is typed and handed in


def test_nothing_typed_becomes_markup(client: Client, mine: Decisions, desk: Desk) -> None:
    desk.who = HOSTILE
    path = work(mine)
    save(client, path, points_2="1", comment_2=HOSTILE, points_0="1", reason_0=HOSTILE, comment_whole=HOSTILE)
    desk.release("double", "anna")
    for place in (path, f"{path}/page", "/log", "/assignment/double"):
        text = client.get(place).text
        assert "<script>alert" not in text and "<img" not in text and "49" not in re.findall(r">(\d+)<", text)
    assert "&lt;script&gt;alert" in client.get(path).text, "it is there, as text"
    assert "<script>alert" not in published(desk)["anna.html"]


def test_nothing_in_a_refused_form_becomes_markup(client: Client, mine: Decisions) -> None:
    said = save(client, work(mine), points_2=HOSTILE, reason_0=HOSTILE, comment_whole=HOSTILE)
    assert said.status == 422 and "<script>alert" not in said.text and "<img" not in said.text


def test_nothing_of_a_student_becomes_markup(client: Client, mine: Decisions, book: Gradebook, desk: Desk) -> None:
    title = CriterionResult(HOSTILE, HOSTILE, Outcome.MANUAL, 0.0, 3.0)
    record(book, make_verdict(HOSTILE, HOSTILE, reason=HOSTILE, criteria=(title,), status=Status.LIMIT, **WORK))
    path = work(mine, HOSTILE)
    assert save(client, path, points_0="2").status == 303
    desk.release("double", HOSTILE)
    for place in (path, f"{path}/page", "/log", "/", "/assignment/double"):
        text = client.get(place).text
        assert "<script>alert" not in text and "<img" not in text
    assert [p.parent for p in desk.out.rglob("*.html")] == [desk.out / "released" / "double"]


@pytest.mark.parametrize("student", ["../../etc/passwd", "a\0b", "half \ud800", "CON", ".", "a/b\\c", "Ünï ✓"])
def test_every_name_has_a_page_inside_the_folder(
    client: Client, mine: Decisions, book: Gradebook, desk: Desk, student: str
) -> None:
    record(book, make_verdict(student, **WORK))
    path = work(mine, student)
    assert save(client, path, points_2="2").status == 303
    desk.release("double", student)
    assert [p.parent for p in desk.out.rglob("*.html")] == [desk.out / "released" / "double"]


def test_a_fault_of_the_gradebook_is_told_in_a_sentence(client: Client, mine: Decisions, root: Path) -> None:
    (root / "assignments" / "double" / "assignment.yaml").write_text("nonsense: [", encoding="utf-8")
    said = client.get(work(mine))
    assert said.status == 503 and "assignment.yaml" in said.text and "Traceback" not in said.text
    assert client.get("/assignment/double").status == 200, "the table needs the gradebook alone"


def test_grading_goes_on_while_pages_are_looked_at(client: Client, mine: Decisions, tmp_path: Path) -> None:
    with Gradebook.open(tmp_path / "gradebook.sqlite") as other:
        run = other.start_run("double", {}, course=COURSE)
        for n in range(20):
            other.record(make_verdict(f"s{n:02}"), f"k{n}", run)
            assert f"s{n:02}" in client.get("/assignment/double").text
            assert save(client, work(mine), points_2=f"0.{n + 10}").status == 303
    assert len(mine.log()) == 20
