"""Adds the pages about points expiration to Airflow: in the navigation, and a tab of every run."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from fastapi import FastAPI
    from sqlalchemy import Engine
    from starlette.types import Receive, Scope, Send

DAG_ID = "loyalty_points_expiration"
PREFIX = "/loyalty"


@cache
def pages() -> FastAPI:
    """Return the application, closed to whoever may not read the runs of the daily DAG."""
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.core_api.security import requires_access_dag

    from include.pages.app import build_app

    return build_app(find_engine, requires_access_dag("GET", DagAccessEntity.RUN, DAG_ID))


def find_engine() -> Engine:
    """Return an engine for what the connection `loyalty_db` names at this moment."""
    # The api-server reads its own store; the SDK's Connection is for tasks.
    from airflow.models import Connection

    from include.connections import DATABASE, database_url

    connection = Connection.get_connection_from_secrets(DATABASE)  # noqa: AIR311
    return _engine(database_url(connection))


@cache
def _engine(url: str) -> Engine:
    from include.database import connect

    return connect(url)


class LazyPages:
    """Builds the application at its first request: every task loads the plugins, few show pages."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await pages()(scope, receive, send)


class LoyaltyPagesPlugin(AirflowPlugin):
    """The pages and where Airflow shows them."""

    name = "loyalty_pages"
    fastapi_apps: ClassVar[list[Any]] = [
        {"app": LazyPages(), "url_prefix": PREFIX, "name": "Points expiration"}
    ]
    # The addresses are relative: Airflow may live behind a path prefix.
    external_views: ClassVar[list[Any]] = [
        {
            "name": "Points expiration",
            "href": "loyalty/",
            "destination": "nav",
            "url_route": "points-expiration",
            "nav_top_level": True,
        },
        {
            "name": "Points expiration",
            "href": "loyalty/dag-runs/{DAG_ID}/{RUN_ID}",
            "destination": "dag_run",
            "url_route": "points-expiration-run",
        },
    ]
