"""A strict reader of our own HTML: what it does not understand is an error."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise

VOID = {"meta", "link", "br", "hr", "img", "input"}
# Everything our templates use. A tag that is not here came from somewhere else.
_TAGS = """!doctype html head meta title style body a svg symbol path circle rect use g text script header main
section footer h1 h2 h3 p span b i bdi dl div dt dd time strong details
summary table caption thead tbody tr th td mark
ul ol li blockquote em figure img pre code hr label input button select option"""
TAGS = set(_TAGS.split())
URLS = {"href", "src", "action", "formaction", "data", "poster", "srcset", "background", "ping", "xlink:href"}


class Page(HTMLParser):
    """One parsed page: ``elements`` as (tag, attributes), ``text`` without style and script."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.own: dict[str, str] = {"style": "", "script": ""}
        self._open: list[str] = []
        self._text: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert tag in TAGS, f"foreign tag <{tag}>"
        assert len(names) == len(set(names)), f"attribute twice in <{tag}>: {names}"
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside in self.own:
            self.own[inside] += data
        else:
            self._text.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment in the page: {data[:80]}")

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self._text))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def policy(self) -> str:
        return next(m["content"] for m in self.all("meta") if m.get("http-equiv") == "Content-Security-Policy")


def assert_inert(page: Page, *, scripts: int) -> None:
    """Nothing runs or loads but our own style and ``scripts`` scripts; every link stays here or is plain web."""
    assert len(page.all("style")) == 1
    assert len(page.all("script")) == scripts
    for tag, attrs in page.elements:
        for name, value in attrs.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in {"style", "srcdoc", "autofocus", "xmlns", "base"}, (tag, name)
            if name in URLS:
                assert_harmless_url(tag, name, value)
    assert not [m for m in page.all("meta") if m.get("http-equiv", "").lower() == "refresh"]


def assert_harmless_url(tag: str, name: str, value: str) -> None:
    """Pictures are data: of two kinds; `use` stays in the page; links are fragments, files beside, or web."""
    if tag == "img":
        assert re.fullmatch(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/]+=*", value), value[:80]
    elif tag == "use":
        assert re.fullmatch(r"#i-[a-z]+", value), value
    else:
        assert (tag, name) == ("a", "href")
        assert re.fullmatch(
            r"#[a-z0-9-]+|similar\.html#pair-\d+|(students/)?[\w%.~-]+\.(html|json|csv|xml)|(https?://|mailto:)\S+",
            value,
        ), value


def assert_well_made(page: Page) -> None:
    """Language, one h1, headings without a gap, tables with caption and scope, links that lead somewhere."""
    assert page.all("html")[0]["lang"] == "en"
    levels = [int(tag[1]) for tag, _ in page.elements if tag in {"h1", "h2", "h3"}]
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels
    assert len(page.all("caption")) == len(page.all("table"))
    assert all("scope" in th for th in page.all("th"))
    assert all("alt" in img for img in page.all("img"))
    ids = Counter(attrs["id"] for _, attrs in page.elements if "id" in attrs)
    assert max(ids.values()) == 1, ids.most_common(2)
    for link in [*page.all("a"), *page.all("use")]:
        if link["href"].startswith("#"):
            assert link["href"][1:] in ids, link
