"""What to do about a program that needs attention, by the reason that a query found."""

from __future__ import annotations

ADVICE = {
    "held": (
        "Held by the size check",
        "Look at the plan in the DAG loyalty_held_expirations and approve or reject it there.",
    ),
    "mails_failing": (
        "Mails not delivered",
        "Open the run and a card to read the server's answers; settle what is ambiguous.",
    ),
    "no_activity": (
        "Cards without an activity date",
        "Their points never expire. Let the application fill last_activity_at if they should.",
    ),
    "settings_changed": (
        "Settings changed since the run before",
        "Make sure that the change was meant; the forecast shows what it does.",
    ),
    "stages_cut": (
        "A warning stage was cut",
        "A stage is not shorter than the expiration days; correct warning_days.",
    ),
    "unknown_time_zone": (
        "Unknown time zone",
        "The program was left out. Correct its time_zone to an IANA name.",
    ),
}
