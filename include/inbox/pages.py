"""Show the mails of a Maildir as web pages, to people on this machine only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

import jinja2
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.inbox.index import Index
from include.inbox.reading import Mail, Summary, read_mail

MAILS_PER_PAGE = 50

_HERE = Path(__file__).parent
# A page elsewhere whose name is made to point here (DNS rebinding) still asks for its own name.
_HOSTS = ["127.0.0.1", "localhost"]
_PAGE_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_MAIL_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
_VIEWS = {"html": "HTML", "text": "Text", "headers": "Headers"}

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Choice:
    """What a reader asked the list for."""

    words: str
    template: str
    page: int

    def admits(self, mail: Summary) -> bool:
        """Tell whether the list shows that mail."""
        if self.template and mail.template != self.template:
            return False
        return self.words.casefold() in f"{mail.subject}\n{mail.recipient}".casefold()

    def address(self, page: int) -> str:
        """Return the address of another page of the same list."""
        asked = {"q": self.words, "template": self.template, "page": page if page > 1 else ""}
        return "/?" + urlencode({name: value for name, value in asked.items() if value})


def build_app(maildir: Path) -> ASGIApp:
    """Return the web application that shows the mails of `maildir`."""
    pages = Pages(Index(maildir))
    app = Starlette(
        routes=[
            Route("/", pages.inbox),
            Route("/health", pages.health),
            Route("/mail/{key}", pages.mail),
            Route("/mail/{key}/html", pages.html),
            Route("/mail/{key}/raw", pages.raw),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS, www_redirect=False)],
        # A mail may be deleted between the look at the folder and the look at its file.
        exception_handlers={404: _missing, FileNotFoundError: _missing},
    )
    return GuardedAnswers(app)


class GuardedAnswers:
    """Gives every answer, errors too, the headers that keep a browser from trusting its text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", _PAGE_CSP)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "no-referrer")
                headers.setdefault("X-Frame-Options", "SAMEORIGIN")
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_guarded)


class Pages:
    """The pages; plain functions, so that Starlette runs them beside the SMTP server's loop."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def inbox(self, request: Request) -> Response:
        """Show the list, the newest mail first."""
        everything = self._index.newest_first()
        choice = _choice(request)
        shown = [mail for mail in everything if choice.admits(mail)]
        pages = max(1, -(-len(shown) // MAILS_PER_PAGE))
        page = min(choice.page, pages)
        return _page(
            "list.html",
            mails=shown[(page - 1) * MAILS_PER_PAGE : page * MAILS_PER_PAGE],
            found=len(shown),
            total=len(everything),
            choice=choice,
            templates=sorted({mail.template for mail in everything} - {""}),
            page=page,
            pages=pages,
        )

    def mail(self, request: Request) -> Response:
        """Show one mail: its HTML in a frame, its text or its headers."""
        mail = self._mail(request)
        views = {name: title for name, title in _VIEWS.items() if name != "html" or mail.html}
        asked = request.query_params.get("view")
        view = asked if asked in views else next(iter(views))
        return _page("mail.html", mail=mail, views=views, view=view)

    def html(self, request: Request) -> Response:
        """Give the HTML part for the frame; its policy holds outside the frame as well."""
        mail = self._mail(request)
        if not mail.html:
            raise HTTPException(404)
        return HTMLResponse(
            mail.html.encode("utf-8", "replace"),
            headers={"Content-Security-Policy": _MAIL_CSP},
        )

    def raw(self, request: Request) -> Response:
        """Give the stored file for download."""
        key, file = self._stored(request)
        name = "".join(letter for letter in key if letter.isascii() and letter.isalnum())
        return Response(
            Path(file).read_bytes(),
            media_type="message/rfc822",
            headers={"Content-Disposition": f'attachment; filename="{name}.eml"'},
        )

    def health(self, request: Request) -> Response:
        """Tell that the inbox works, and how many mails it holds."""
        return JSONResponse({"mails": self._index.count()})

    def _mail(self, request: Request) -> Mail:
        return read_mail(*self._stored(request))

    def _stored(self, request: Request) -> tuple[str, str]:
        key = request.path_params["key"]
        if (file := self._index.file(key)) is None:
            raise HTTPException(404)
        return key, file


def _choice(request: Request) -> Choice:
    asked = request.query_params
    page = asked.get("page", "")
    return Choice(
        words=asked.get("q", "").strip()[:200],
        template=asked.get("template", "")[:200],
        page=max(1, int(page)) if re.fullmatch(r"[0-9]{1,8}", page) else 1,
    )


def _page(name: str, *, status: int = 200, **values: object) -> Response:
    text = _TEMPLATES.get_template(name).render(values)
    return HTMLResponse(text.encode("utf-8", "replace"), status)


def _missing(request: Request, error: Exception) -> Response:
    return _page("missing.html", status=404)


def _instant(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M}"


_TEMPLATES.filters["instant"] = _instant
