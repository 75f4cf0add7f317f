"""Shows mails before customers see them: any event, language and store, with made-up values."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path

import jinja2
from sqlalchemy import Engine

from include.database import READER, statements, transaction
from include.errors import MailServerError, TemplateError
from include.mail.delivery import SmtpSession
from include.mail.outbox import Mail
from include.mail.rendering import Rendered
from include.mail.samples import SAMPLES
from include.mail.server import MailServer
from include.mail.storing import PART_FILES
from include.mail.templates import DECLARED_VARIABLES, Template
from include.mail.writing import Letter, Writer

log = logging.getLogger(__name__)

_READER = "reader@preview.example"
_PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "pages"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Shop:
    """Whose mail it is; `store_id` is None for a customer who enrolled in no store."""

    store_id: int | None
    store_name: str
    merchant_name: str
    program_name: str

    @property
    def folder(self) -> str:
        """The name of its folder of previews."""
        return "platform" if self.store_id is None else f"store-{self.store_id}"


@dataclass(frozen=True)
class Preview:
    """One mail: what it says, the template in use, and the bytes that a sender would send."""

    shop: Shop
    code: str
    language: str
    rendered: Rendered
    template: Template
    letter: Letter

    @property
    def name(self) -> str:
        """The name of its files."""
        return f"{self.code}.{self.language}"


def read_shops(engine: Engine, store_id: int | None) -> list[Shop]:
    """Return the store asked for, or the platform and every store with an override of its own.

    Raises:
        TemplateError: there is no such store.
    """
    (read,) = statements("read_shops")
    with transaction(engine, role=READER) as connection:
        rows = connection.exec_driver_sql(read, {"store_id": store_id}).mappings().all()
    shops = [Shop(**row) for row in rows]
    if store_id is None:
        names = {name: str(SAMPLES["ordinary"][name]) for name in ("merchant_name", "program_name")}
        return [Shop(None, str(SAMPLES["ordinary"]["store_name"]), **names), *shops]
    if not shops:
        raise TemplateError(f"There is no store {store_id}.")
    return shops


def write_previews(
    writer: Writer,
    shops: Sequence[Shop],
    codes: Sequence[str],
    languages: Sequence[str],
    written_at: datetime,
) -> Iterator[Preview]:
    """Write every combination by the sender's own way; a broken override is told in the log."""
    for shop in shops:
        for code in codes:
            for language in languages:
                mail = _mail(shop, code, language)
                rendered, template = writer.fill(mail)
                letter = writer.write(mail, written_at)
                if not isinstance(letter, Letter):
                    raise TemplateError(f"{code} ({language}): {letter.answer}")
                yield Preview(shop, code, language, rendered, template, letter)


def _mail(shop: Shop, code: str, language: str) -> Mail:
    values = SAMPLES["ordinary"]
    return Mail(
        id=0,
        template_code=code,
        language=language,
        store_id=shop.store_id,
        occurrence_key=f"preview:{shop.folder}:{code}:{language}",
        email=_READER,
        variables={name: values[name] for name in DECLARED_VARIABLES[code] if name in values},
        customer_first_name=values["customer_first_name"],
        card_number=values["card_number"],
        program_name=shop.program_name,
        merchant_name=shop.merchant_name,
        store_name=shop.store_name,
    )


def save_previews(previews: Iterator[Preview], folder: Path) -> list[Path]:
    """Save each mail and the template it came from; return the pages that show them, one a store.

    A page shows a mail's HTML in a frame that runs no scripts and fetches nothing.
    """
    pages = []
    for shop, group in groupby(previews, key=lambda preview: preview.shop):
        place = folder / shop.folder
        shown = list(group)
        for preview in shown:
            _save(preview, place)
        pages.append(place / "index.html")
        page = _PAGES.get_template("preview.html").render(shop=shop, previews=shown)
        pages[-1].write_text(page, encoding="utf-8")
    return pages


def _save(preview: Preview, place: Path) -> None:
    sources = place / preview.name
    sources.mkdir(parents=True, exist_ok=True)
    (place / f"{preview.name}.eml").write_bytes(preview.letter.content)
    for part, name in PART_FILES.items():
        (sources / name).write_text(getattr(preview.template, part), encoding="utf-8")


def send_previews(previews: Iterator[Preview], server: MailServer) -> int:
    """Send each mail to the made-up reader at `server`, the local inbox; return how many.

    Raises:
        MailServerError: the server does not take them.
    """
    sent = 0
    with SmtpSession(server) as session:
        for preview in previews:
            answer = session.send(preview.letter.recipient, preview.letter.content)
            if answer.outcome != "sent":
                raise MailServerError(f"{server.address} refused a preview: {answer.text}")
            sent += 1
    return sent
