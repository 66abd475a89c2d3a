"""The pages and what their forms do. Each answer is made by a plain function in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from torchgrade.errors import TorchgradeError
from torchgrade.feedback.templates import folder, inline, render
from torchgrade.gradebook import Conflict, Refused
from torchgrade.i18n import _
from torchgrade.serve import forms, pages
from torchgrade.serve.desk import RELEASED, Desk
from torchgrade.serve.door import Door, Hosts, Keys

_LOG_LINES = 100
_FRAMED = "sandbox; frame-ancestors 'self'"
Handler = Callable[[Request, dict[str, str]], Response]


def make_app(desk: Desk, keys: Keys, hosts: Hosts) -> Door:
    """The whole server behind its door."""
    site = _Site(desk, keys)
    routes = [
        Route("/", site.start),
        Route("/assignment/{id}", site.assignment),
        Route("/assignment/{id}/live", site.live),
        Route("/assignment/{id}/release", site.posted(site.release_all), methods=["POST"]),
        Route("/work/{number:int}", site.work, methods=["GET"]),
        Route("/work/{number:int}", site.posted(site.decide), methods=["POST"]),
        Route("/work/{number:int}/page", site.page),
        Route("/work/{number:int}/release", site.posted(site.release), methods=["POST"]),
        Route("/log", site.log),
        Route("/static/{name}", site.static),
    ]
    faults: dict[Any, Any] = {TorchgradeError: site.fault, HTTPException: site.missing}
    return Door(Starlette(routes=routes, exception_handlers=faults), keys, hosts)


class _Site:
    def __init__(self, desk: Desk, keys: Keys) -> None:
        self.desk, self.keys = desk, keys

    # Looking

    def start(self, request: Request) -> Response:
        """The assignments of the course that have a verdict."""
        listed = []
        for id in self.desk.decisions.assignments():
            works = self.desk.works(id)
            released = sum(w.release is not None for w in works)
            listed.append(
                {
                    "id": id,
                    "title": self._title(id),
                    "count": len(works),
                    "waiting": sum(bool(w.waits or w.stale) for w in works),
                    "released": released,
                    "changed": sum(w.changed for w in works),
                }
            )
        return self._show("start", title=_("Gradebook"), assignments=listed)

    def assignment(self, request: Request) -> Response:
        """The table of an assignment, live."""
        id = self._known(request)
        done = request.query_params.get("done", "")
        left = request.query_params.get("left", "")
        told = ""
        if done.isdecimal() and len(done) < 8:
            told = _("Released: {count}.").format(count=int(done))
            if left.isdecimal() and 0 < len(left) < 8 and int(left):
                told += " " + _("Not ready yet and left out: {count}.").format(count=int(left))
        return self._show("assignment", title=self._title(id), told=told, **self._table(id))

    def live(self, request: Request) -> Response:
        """The table alone where it has changed since ``since``, else nothing (204)."""
        id = self._known(request)
        if request.query_params.get("since") == self.desk.stamp(id):
            return Response(status_code=204)
        return Response(render("serve/live.html.j2", **self._table(id)), media_type="text/html")

    def _table(self, id: str) -> dict[str, Any]:
        stamp = self.desk.stamp(id)  # before the rows: a change in between is then shown the next time
        works = self.desk.works(id)
        rows = [pages.row(work) for work in works]
        return {
            "id": id,
            "stamp": stamp,
            "rows": rows,
            "waiting": [r for r, w in zip(rows, works, strict=True) if w.waits or w.stale],
            "ready": sum(w.ready for w in works),
            "going": pages.going(self.desk.decisions.running(id), len(works)),
            "folder": f"{RELEASED}/{self.desk.folder(id).name}",
        }

    def work(self, request: Request) -> Response:
        """One student's work: the form beside the report."""
        saved = {"1": _("Saved."), "0": _("Nothing was changed."), "2": _("Released.")}
        return self._work(*self._place(request), told=saved.get(request.query_params.get("saved", ""), ""))

    def _work(
        self,
        assignment: str,
        student: str,
        *,
        told: str = "",
        alarm: str = "",
        typed: Mapping[str, forms.Typed] | None = None,
        problems: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        works = self.desk.works(assignment)
        work = next(w for w in works if w.student == student)
        machine = work.standing.verdict
        return self._show(
            "work",
            status,
            title=f"{student} · {self._title(assignment)}",
            id=assignment,
            assignment=self._title(assignment),
            row=pages.row(work),
            fields=pages.fields(machine, work.decisions, typed or {}, problems or {}),
            seen=machine.digests.get("notebook", ""),
            mark=self.desk.mark(assignment, student),
            near=pages.neighbours(works, student),
            ready=work.ready,
            told=told,
            alarm=alarm,
            lines=[pages.line(e, self._titles(work)) for e in self._entries(assignment, student)],
        )

    def _entries(self, assignment: str, student: str) -> list[Any]:
        return self.desk.decisions.log(assignment=assignment, student=student, limit=20)

    def _titles(self, work: Any) -> dict[str, str]:
        return {c.id: _(c.title) or c.id for c in work.standing.verdict.criteria}

    def page(self, request: Request) -> Response:
        """The student's own page as it would be released now, for the frame."""
        html = self.desk.page(*self._place(request))
        own = {"content-security-policy": _FRAMED, "x-frame-options": "SAMEORIGIN"}
        return Response(html, media_type="text/html", headers=own)

    def log(self, request: Request) -> Response:
        """The log, the newest first."""
        before = request.query_params.get("before", "")
        start = int(before) if before.isdecimal() and len(before) < 10 else 0
        entries = self.desk.decisions.log(limit=_LOG_LINES, before=start)
        older = entries[-1].id if len(entries) == _LOG_LINES else 0
        lines = [(entry.assignment, pages.line(entry)) for entry in entries]
        return self._show("log", title=_("Log"), lines=lines, older=older)

    def static(self, request: Request) -> Response:
        """Our style and our script."""
        name = request.path_params["name"]
        if name == "serve.css":
            return Response(inline("base.css", "serve/serve.css").text, media_type="text/css")
        if name == "live.js":
            return Response((folder() / "serve" / name).read_text("utf-8"), media_type="text/javascript")
        raise HTTPException(404)

    # Doing

    def posted(self, handler: Handler) -> Callable[[Request], Any]:
        """A form's handler: it gets the fields of a form that is ours, and runs in a thread."""

        async def answer(request: Request) -> Response:
            body = b""
            async for piece in request.stream():
                body += piece
                if len(body) > forms.MOST_BYTES:
                    return Response("This form is too long.\n", 413, media_type="text/plain")
            try:
                fields = forms.fields_of(body)
            except ValueError:
                return Response("This form cannot be read.\n", 400, media_type="text/plain")
            if not self.keys.is_form(fields.get("csrf", "")):
                return Response(
                    "This form is not from this session: open the page again.\n", 403, media_type="text/plain"
                )
            return await run_in_threadpool(handler, request, fields)

        return answer

    def decide(self, request: Request, fields: dict[str, str]) -> Response:
        """Save a form; all of it or nothing."""
        assignment, student = self._place(request)
        works = self.desk.works(assignment)
        work = next(w for w in works if w.student == student)
        typed = forms.typed(fields, [c.id for c in work.standing.verdict.criteria])
        problems = {t.criterion: t.problem for t in typed.values() if t.problem}
        if problems:
            alarm = _("Nothing was saved: {why}").format(why=" ".join(problems.values()))
            return self._work(assignment, student, alarm=alarm, typed=typed, problems=problems, status=422)
        wishes = [t.wish for t in typed.values()]
        try:
            changed = self.desk.decisions.decide(
                assignment, student, wishes, who=self.desk.who, notebook_digest=fields.get("seen", "")
            )
        except Refused as error:
            return self._not_saved(assignment, student, typed, {error.criterion: str(error)}, 422)
        except Conflict as error:
            if error.criterion is None:  # another notebook: what was typed was about the earlier one
                return self._work(assignment, student, alarm=str(error), status=409)
            return self._not_saved(assignment, student, typed, {error.criterion: str(error)}, 409)
        if fields.get("then") == "next" and (
            after := pages.neighbours(self.desk.works(assignment), student)["waiting"]
        ):
            return _to(f"/work/{after.standing.id}")
        return _to(f"/work/{work.standing.id}?saved={int(bool(changed))}")

    def _not_saved(
        self,
        assignment: str,
        student: str,
        typed: Mapping[str, forms.Typed],
        problems: Mapping[str, str],
        status: int,
    ) -> Response:
        alarm = _("Nothing was saved: {why}").format(why=" ".join(problems.values()))
        return self._work(assignment, student, alarm=alarm, typed=typed, problems=problems, status=status)

    def release(self, request: Request, fields: dict[str, str]) -> Response:
        """Release one student's page."""
        assignment, student = self._place(request)
        try:
            self.desk.release(assignment, student, seen=fields.get("mark", ""))
        except Conflict as error:
            return self._work(assignment, student, alarm=str(error), status=409)
        return _to(f"/work/{request.path_params['number']}?saved=2")

    def release_all(self, request: Request, fields: dict[str, str]) -> Response:
        """Release all that are ready, or everybody."""
        id = self._known(request)
        done, left = self.desk.release_all(id, everybody=fields.get("everybody") == "yes")
        return _to(f"/assignment/{id}?done={done}&left={left}")

    # Parts

    def _known(self, request: Request) -> str:
        id = str(request.path_params["id"])
        if id not in self.desk.decisions.assignments():
            raise HTTPException(404)
        return id

    def _place(self, request: Request) -> tuple[str, str]:
        number = int(request.path_params["number"])
        found = self.desk.decisions.student_of(number) if number < 2**31 else None
        if found is None:
            raise HTTPException(404)
        return found

    def _title(self, id: str) -> str:
        """The assignment's title, or its id where the course has none of it any more."""
        try:
            return _(self.desk.find(id)[1].title)
        except TorchgradeError:
            return id

    def _show(self, template: str, status: int = 200, **values: Any) -> Response:
        shared = {"csrf": self.keys.csrf, "course": _(self.desk.course.title), "who": self.desk.who}
        return Response(render(f"serve/{template}.html.j2", **shared, **values), status, media_type="text/html")

    def fault(self, request: Request, error: TorchgradeError) -> Response:
        """What the gradebook, a course's file or the disk refuses, in its own sentence."""
        return self._show("fault", 503, title=_("That did not work"), said=str(error))

    def missing(self, request: Request, error: HTTPException) -> Response:
        """There is no such page."""
        if error.status_code != 404:
            return Response(f"{error.detail}\n", error.status_code, media_type="text/plain", headers=error.headers)
        return self._show("fault", 404, title=_("Not found"), said=_("There is no such page."))


def _to(path: str) -> Response:
    return RedirectResponse(path, 303)
