from __future__ import annotations

import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from include.errors import ConfigurationError
from include.replay.purchases import (
    LAST_PURCHASE_ON,
    parse_purchases,
    purchases_file,
    read_purchases,
    shift,
)

HEADER = b" customer_id  date number_of_cds  dollar_value\r\n"


@pytest.mark.parametrize(
    ("today", "last_day"),
    [
        # 1998-06-30 is a Tuesday. Tuesdays of November 2026: 3, 10, 17, 24.
        (date(2026, 11, 17), date(2026, 11, 10)),  # yesterday is Monday 16
        (date(2026, 11, 18), date(2026, 11, 17)),  # yesterday is Tuesday 17
        (date(2026, 11, 19), date(2026, 11, 17)),
        (date(2026, 11, 24), date(2026, 11, 17)),
        (date(2026, 11, 25), date(2026, 11, 24)),
        (date(1998, 7, 1), date(1998, 6, 30)),
        (date(1998, 6, 30), date(1998, 6, 23)),
    ],
)
def test_last_purchase_falls_on_the_latest_tuesday_before_today(
    today: date, last_day: date
) -> None:
    assert LAST_PURCHASE_ON + shift(today) == last_day


def test_purchases_move_by_whole_weeks() -> None:
    days = [shift(date(2026, 11, 1) + timedelta(days=day)).days for day in range(30)]
    assert {day % 7 for day in days} == {0}


def test_points_are_whole_dollars_rounded_down() -> None:
    content = HEADER + (
        b" 00001 19970101  1   11.77\r\n"
        b" 00002 19970112  5   77.00\r\n"
        b" 00002 19970112  1    0.99\r\n"
        b" 00003 19970102  2    0.00\r\n"
    )
    rows = parse_purchases(content)
    assert rows["points"].tolist() == [11, 77, 0, 0]
    assert rows["purchase_number"].tolist() == [1, 2, 3, 4]
    assert rows["customer_id"].tolist() == [1, 2, 2, 3]
    assert rows["purchased_on"].dt.date.tolist()[3] == date(1997, 1, 2)


def test_file_holds_all_purchases_of_all_customers() -> None:
    rows = read_purchases(purchases_file())
    assert (len(rows), rows["customer_id"].nunique()) == (69_659, 23_570)
    assert rows["purchased_on"].max().date() == LAST_PURCHASE_ON


def test_missing_file_is_a_sentence_that_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOYALTY_PURCHASES_FILE", str(tmp_path / "gone.txt"))
    with pytest.raises(ConfigurationError, match=r"gone\.txt.*install lifetimes==0\.11\.3"):
        purchases_file()


def test_missing_wheel_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOYALTY_PURCHASES_FILE", raising=False)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "meta_path", [])
    with pytest.raises(ConfigurationError, match="no wheel lifetimes"):
        purchases_file()


def test_file_in_the_wheel_is_found_without_importing_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "lifetimes" / "datasets" / "CDNOW_master.txt"
    file.parent.mkdir(parents=True)
    file.touch()
    (tmp_path / "lifetimes" / "__init__.py").write_text("raise ImportError('imported')")
    monkeypatch.delenv("LOYALTY_PURCHASES_FILE", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert purchases_file() == file


def test_another_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "CDNOW_master.txt"
    file.write_bytes(HEADER + b" 00001 19970101  1   11.77\r\n")
    with pytest.raises(ConfigurationError, match="sha256"):
        read_purchases(file)
