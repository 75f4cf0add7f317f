"""The mail templates: what each may print, and where a mail looks for its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# What every mail may print; the names are looked up when it is sent and kept nowhere.
NAME_VARIABLES = (
    "customer_first_name",
    "program_name",
    "merchant_name",
    "store_name",
    "card_number",
)
# Points come as text in the reader's own form and, to choose words by, as a number.
_POINTS = ("points", "points_count")

DECLARED_VARIABLES: dict[str, tuple[str, ...]] = {
    "loyalty_enrollment": NAME_VARIABLES,
    "loyalty_welcome_bonus": (*NAME_VARIABLES, *_POINTS),
    "loyalty_points_expiring": (*NAME_VARIABLES, *_POINTS, "expiration_date", "days_remaining"),
    "loyalty_points_expired": (*NAME_VARIABLES, *_POINTS, "expiration_date", "inactivity_days"),
    "loyalty_reward_ready": (*NAME_VARIABLES, "stamps", "stamps_target"),
    "loyalty_points_reinstated": (*NAME_VARIABLES, *_POINTS),
}
# The platform's five events. The sixth is mailed where a program says so, and by the project's own
# words unless the platform stores some.
PLATFORM_EVENTS = tuple(DECLARED_VARIABLES)[:5]


class Unusable(Exception):
    """Why a template cannot be used, a sentence; carries no customer's data."""


@dataclass(frozen=True, slots=True)
class Template:
    """One mail in one language, as Jinja sources; `store_id` is None for the platform's own."""

    code: str
    language: str
    subject: str
    body_html: str
    body_text: str
    store_id: int | None = None

    @property
    def title(self) -> str:
        """What people call it: whose it is, the event and the language."""
        owner = "The platform" if self.store_id is None else f"Store {self.store_id}"
        return f"{owner}'s template {self.code} ({self.language})"


class TemplateBook:
    """The templates of the platform and of the stores, in the order in which a mail tries them."""

    def __init__(self, templates: Iterable[Template]) -> None:
        """Take the platform's templates and the stores' active overrides, in any order."""
        self._templates = {(each.store_id, each.code, each.language): each for each in templates}

    def candidates(self, code: str, language: str, store_id: int | None) -> list[Template]:
        """Return what may serve, best first; empty where not even English has the code."""
        keys = (
            (owner, code, tried)
            for tried in _languages(language)
            for owner in dict.fromkeys((store_id, None))
        )
        return [self._templates[key] for key in keys if key in self._templates]


def _languages(language: str) -> Iterable[str]:
    # Luxembourgish readers all read French; not all of them read English.
    fallbacks = ("fr", "en") if language == "lb" else ("en",)
    return dict.fromkeys((language, *fallbacks))
