"""The mails as customers get them, per store, and the form that stores a store's own words."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Engine

from include.clock import read_clock
from include.database import READER
from include.errors import TemplateError
from include.mail.formats import SUPPORTED_LANGUAGES
from include.mail.previewing import Preview, Shop, read_shops, write_previews
from include.mail.server import MailServer
from include.mail.storing import store_template
from include.mail.templates import DECLARED_VARIABLES, PLATFORM_EVENTS, Template
from include.mail.writing import Writer, load_templates
from include.pages.reading import BIGINT_MAX, as_id, engine_of
from include.pages.rendering import page

router = APIRouter()
# A mail brings its own styles; it may neither run nor fetch anything, nor leave its frame.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'"
)


@router.get("/templates")
def grid(request: Request, store: str | None = None) -> HTMLResponse:
    """Every mail in every language, as the platform or one store sends it."""
    engine = engine_of(request)
    return page(
        request,
        "templates.html",
        codes=PLATFORM_EVENTS,
        languages=SUPPORTED_LANGUAGES,
        shop=_shop(engine, store),
        shops=read_shops(engine, None),
    )


@router.get("/templates/preview")
def preview(request: Request, code: str, language: str, store: str | None = None) -> Response:
    """One mail's HTML, for a sandboxed frame."""
    engine = engine_of(request)
    shown = _preview(engine, _shop(engine, store), code, language)
    return HTMLResponse(shown.rendered.html, headers={"content-security-policy": MAIL_POLICY})


@router.get("/templates/edit")
def edit(
    request: Request, code: str, language: str, store: str | None = None, stored: str = ""
) -> HTMLResponse:
    """One mail on a phone and on a desktop, with the template in use."""
    engine = engine_of(request)
    shop = _shop(engine, store)
    shown = _preview(engine, shop, code, language)
    return _form(request, shop, code, language, shown.template, stored=bool(stored))


@router.post("/templates")
def store_override(
    request: Request,
    store: Annotated[int, Form(ge=1, le=BIGINT_MAX)],
    code: Annotated[str, Form()],
    language: Annotated[str, Form()],
    subject: Annotated[str, Form()] = "",
    body_html: Annotated[str, Form()] = "",
    body_text: Annotated[str, Form()] = "",
) -> Response:
    """Store a store's own template, with the checks of the command line."""
    engine = engine_of(request)
    shop = _shop(engine, str(store))
    # A form sends line ends as mail does; the templates' files have those of text files.
    html, text = (part.replace("\r\n", "\n") for part in (body_html, body_text))
    template = Template(code, language, subject, html, text, store)
    try:
        store_template(engine, template)
    except TemplateError as error:
        return _form(request, shop, code, language, template, refused=str(error))
    root = request.scope.get("root_path", "")
    return RedirectResponse(
        f"{root}/templates/edit?store={store}&code={code}&language={language}&stored=1", 303
    )


def _form(
    request: Request,
    shop: Shop,
    code: str,
    language: str,
    template: Template,
    *,
    stored: bool = False,
    refused: str | None = None,
) -> HTMLResponse:
    values: dict[str, Any] = {
        "shop": shop,
        "code": code,
        "language": language,
        "words": template,
        "variables": DECLARED_VARIABLES.get(code, ()),
        "stored": stored,
        "refused": refused,
    }
    return page(request, "template.html", **values, status=422 if refused else 200)


def _shop(engine: Engine, store: str | None) -> Shop:
    if not store:
        return read_shops(engine, None)[0]
    try:
        return read_shops(engine, as_id(store) or 0)[0]
    except TemplateError as error:
        raise HTTPException(404, str(error)) from error


def _preview(engine: Engine, shop: Shop, code: str, language: str) -> Preview:
    if code not in DECLARED_VARIABLES or language not in SUPPORTED_LANGUAGES:
        raise HTTPException(404, "There is no such mail.")
    # Nothing is sent: the server's name only ends up in headers that nobody sees.
    server = MailServer(host="localhost", port=25, from_email="preview@preview.example")
    writer = Writer(load_templates(engine, role=READER), server)
    (made,) = write_previews(writer, [shop], [code], [language], read_clock(engine))
    return made
