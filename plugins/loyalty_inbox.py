"""Adds the local inbox to Airflow's navigation, where the embedded set-up runs one."""

import os

from airflow.plugins_manager import AirflowPlugin

INBOX_URL = os.environ.get("LOYALTY_INBOX_URL")


class LoyaltyInboxPlugin(AirflowPlugin):
    """A link to the mails that the demonstration sent."""

    name = "loyalty_inbox"
    external_views = (
        [{"name": "Mail inbox", "href": INBOX_URL, "destination": "nav", "category": "browse"}]
        if INBOX_URL
        else []
    )
