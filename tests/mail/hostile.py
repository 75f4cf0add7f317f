"""What strangers may write into a template, by what it tries."""

from __future__ import annotations

HOSTILE_PARTS: dict[str, dict[str, str]] = {
    "syntax error": {"body_text": "{% if points_count"},
    "endless loop": {"body_html": "{% for n in range(10**12) %}{{ n }}{% endfor %}"},
    "memory bomb": {"body_text": "{{ 'a' * 10**9 }}"},
    "walk to Python internals": {"body_html": "{{ points.__class__.__mro__[1].__subclasses__() }}"},
    "method call": {"body_text": "{{ merchant_name.upper() }}"},
    "missing variable": {"body_html": "<p>{{ customer_last_name }}</p>"},
    "header with a line break": {"subject": "Hello\nBcc: everybody@shop.example"},
    "line break from a literal": {"subject": '{{ "Hello\\r\\nBcc: everybody@shop.example" }}'},
    "growing filters": {"body_text": "{{ '" + "<" * 90_000 + "'" + "|e|title" * 200 + " }}"},
}
# Found when stored; a sender would come upon it only in a mail about seven points.
HIDDEN_PARTS: dict[str, dict[str, str]] = {
    "missing variable in a rare branch": {
        "body_text": "a{% if points_count == 7 %}{{ customer_last_name }}{% endif %}"
    },
    "line break in a rare branch": {
        "subject": "Hello{% if points_count == 7 %}\nBcc: everybody@shop.example{% endif %}"
    },
}
HARMLESS = {"subject": "Our own words", "body_html": "<p>{{ points }}</p>", "body_text": "Yours"}
