"""The graph of the daily DAG with tasks that do nothing: what Airflow alone takes for it.

It is the daily DAG itself, read from its file, under another name and with other functions in its
tasks. Each answers at once what the real one answers on a day with nothing due: no program is held,
and each export writes one part, which is empty.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airflow.sdk import DAG
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.definitions.xcom_arg import XComArg

from include.settings import PROJECT_ROOT

FILE = PROJECT_ROOT / "dags" / "loyalty_points_expiration.py"
# By the annotation of what a task returns; what is not named here returns nothing.
ANSWERS: dict[str, Any] = {
    "int": 1,
    "dict[str, int]": {"cards": 0, "points": 0},
    "list[str]": ["part-00000.csv"],
    "list[dict[str, Any]]": [],
}


def mirror() -> DAG:
    """Read the daily DAG's file and empty its tasks."""
    ends = [each for each in runpy.run_path(str(FILE)).values() if isinstance(each, XComArg)]
    (dag,) = {end.operator.dag for end in ends}
    dag.dag_id = Path(__file__).stem
    for task in dag.tasks:
        if hasattr(task, "python_callable"):
            task.python_callable = _empty(task.python_callable)
        _name_by_constant(task)
    return dag


def _empty(function: Callable[..., Any]) -> Callable[..., Any]:
    answer = ANSWERS.get(function.__annotations__["return"])

    def answer_at_once(*args: object, **kwargs: object) -> Any:
        del args, kwargs
        return answer

    return answer_at_once


def _name_by_constant(task: Any) -> None:
    # The real tasks put into their context what their instances are called.
    if task.map_index_template and isinstance(task, MappedOperator):
        task.partial_kwargs["map_index_template"] = "a part"
    elif task.map_index_template:
        task.map_index_template = "all cards"


mirror()
