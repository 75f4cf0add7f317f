"""The values for Kubernetes say nothing that the pipeline does not know."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from airflow.configuration import conf

ROOT = Path(__file__).resolve().parent.parent
VALUES = yaml.safe_load((ROOT / "docs" / "kubernetes" / "values.yaml").read_text())
# Where the schema of the chart lies: values.schema.json of what `helm pull` fetches.
CHART_SCHEMA = "AIRFLOW_CHART_SCHEMA"
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


def test_every_option_of_the_values_is_one_of_airflow():
    unknown = [
        f"[{section}] {option}"
        for section, options in VALUES["config"].items()
        # Celery's own are known where its provider is installed.
        if not section.startswith("celery")
        for option in options
        if not conf.has_option(section, option)
    ]
    assert unknown == []


def test_values_fit_the_schema_of_the_chart():
    if CHART_SCHEMA not in os.environ:
        pytest.skip(f"{CHART_SCHEMA} does not name the chart's values.schema.json")
    jsonschema = pytest.importorskip("jsonschema", reason="no jsonschema")
    schema = json.loads(Path(os.environ[CHART_SCHEMA]).read_text())
    jsonschema.validate(VALUES, schema)
    assert set(VALUES) <= set(schema["properties"])
