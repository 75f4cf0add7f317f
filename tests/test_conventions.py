"""The house rules, checked: SQL files, templates, documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STAGES = sorted(
    folder for folder in (ROOT / "sql").iterdir() if folder.is_dir() and folder.name != "migrations"
)
STATEMENTS = sorted(file for folder in STAGES for file in folder.glob("*.sql"))
SOURCES = [file for room in ("dags", "include", "plugins") for file in (ROOT / room).rglob("*.py")]


def code_of(sql: str) -> str:
    return "\n".join(line for line in sql.splitlines() if not line.lstrip().startswith("--"))


@pytest.mark.parametrize("folder", STAGES, ids=lambda folder: folder.name)
def test_stage_is_named_in_the_source_and_numbered_without_gaps(folder):
    mentions = [file for file in SOURCES if re.search(rf"\b{folder.name}\b", file.read_text())]
    assert mentions, f"sql/{folder.name} is used nowhere"
    numbers = [int(file.name[:2]) for file in sorted(folder.glob("*.sql"))]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("file", STATEMENTS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_statement_has_a_header_casts_its_binds_and_reads_no_clock(file):
    sql = file.read_text()
    header = sql.split("\n", 1)[0]
    assert header.startswith("-- ")
    uncast = re.findall(r"%\(\w+\)s(?!::)", code_of(sql))
    assert not uncast, f"binds without a cast: {uncast}"
    if file.parent.name != "read_clock":
        clocks = r"\b(now\(\)|current_(date|time|timestamp)|localtime\w*|\w+_timestamp\(\))"
        assert not re.search(clocks, code_of(sql))
    for bind in re.findall(r"^-- Only with: (.*)$", sql, re.MULTILINE):
        earlier = [other for other in file.parent.glob("*.sql") if other.name < file.name]
        assert any(re.search(rf"\bas {bind}$", other.read_text(), re.M) for other in earlier)
    assert ";" not in re.sub(r"'[^']*'", "", code_of(sql)), "one statement per file"


def test_only_the_thin_edge_imports_airflow():
    edge = {
        *("stages.py", "tasks.py", "metrics.py", "alarms.py"),
        *("database.py", "execution.py", "airflow_commands.py"),
    }
    importers = {
        file.name
        for file in SOURCES
        if file.is_relative_to(ROOT / "include")
        and re.search(r"^\s*(from|import) airflow\b", file.read_text(), re.MULTILINE)
    }
    assert importers <= edge


def test_no_sql_statement_stands_in_the_dags_or_the_stages():
    pattern = re.compile(
        r"[\"'](select\b.+\bfrom|insert into|update \w+ set|delete from)\b", re.IGNORECASE
    )
    offenders = [
        str(file.relative_to(ROOT))
        for file in SOURCES
        if pattern.search(file.read_text())
        and file.name not in {"migrations.py"}
        and "embedded" not in file.parts
    ]
    assert offenders == []


def test_every_make_target_of_the_readme_exists():
    makefile = (ROOT / "Makefile").read_text()
    named = re.findall(r"`?make ([a-z]+)", (ROOT / "README.md").read_text())
    for target in set(named) - {"command", "verbs"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_file_the_readme_links_exists():
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / target).exists(), target
