"""The values for Kubernetes say nothing that the pipeline does not know."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
VALUES = yaml.safe_load((ROOT / "docs" / "kubernetes" / "values.yaml").read_text())
SETTINGS = {entry["name"]: entry["value"] for entry in VALUES["env"]}


def test_every_setting_of_the_values_is_documented():
    documented = (ROOT / "docs" / "operations.md").read_text()
    unknown = [
        name for name in SETTINGS if name.startswith("LOYALTY_") and f"`{name}`" not in documented
    ]
    assert unknown == []


def test_every_queue_of_the_values_has_workers():
    served = {each["queue"] for each in VALUES["workers"]["celery"]["sets"]}
    assert served == {SETTINGS["LOYALTY_BOOKS_QUEUE"], SETTINGS["LOYALTY_MAIL_QUEUE"]}


def test_connections_of_the_values_are_those_that_tasks_ask_for():
    given = {entry["envName"] for entry in VALUES["secret"]}
    bucket = SETTINGS["LOYALTY_COHORT_ROOT"].removeprefix("s3://").partition("@")[0]
    assert given == {
        "AIRFLOW_CONN_LOYALTY_DB",
        "AIRFLOW_CONN_LOYALTY_SMTP",
        f"AIRFLOW_CONN_{bucket.upper()}",
    }
