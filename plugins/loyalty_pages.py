"""Adds the pages about points expiration to Airflow's UI; what they show is in `include/pages`.

Every process of Airflow imports its plugins, so nothing is built before the first request. Airflow
mounts a plugin's app without any authentication: each request is checked here, by Airflow's own.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from airflow.plugins_manager import AirflowPlugin

DAG_ID = "loyalty_points_expiration"
PREFIX = "/loyalty"
# Relative, so that Airflow's page puts whatever path a proxy adds before them.
HOME = PREFIX.removeprefix("/")
# Airflow cuts a longer word in its navigation; the pages say it in full.
SHORT_NAME = "Expiration"


def _may(user: Any, request: Any, method: Any) -> None:
    from airflow.api_fastapi.core_api import security

    # Who may change the DAG may settle mails and store templates; who may see it, reads.
    security.requires_access_dag(method, param_dag_id=DAG_ID)(request, user)


async def _signed_in(request: Any) -> Any:
    from airflow.api_fastapi.core_api import security

    return await security.get_user(request, None, await security.bearer_scheme(request))


def _engine() -> Any:
    from airflow.sdk import BaseHook

    from include.connections import DATABASE, database_url

    return _engine_at(database_url(BaseHook.get_connection(DATABASE)))


def _replica() -> Any:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    from include.connections import REPLICA, database_url

    try:
        return _engine_at(database_url(BaseHook.get_connection(REPLICA), name=REPLICA))
    except AirflowNotFoundException:
        return _engine()


def _root(place: str) -> Any:
    from airflow.sdk import ObjectStoragePath

    return ObjectStoragePath(place)


@cache
def _engine_at(url: str) -> Any:
    from include.database import connect

    return connect(url)


@cache
def _app() -> Any:
    from include.pages.app import make_app
    from include.pages.security import Access

    access = Access(user=_signed_in, permit=_may)
    return make_app(access, _engine, prefix=PREFIX, open_root=_root, find_replica=_replica)


async def pages(scope: Any, receive: Any, send: Any) -> None:
    """Answer one request; the first one builds the app."""
    await _app()(scope, receive, send)


class LoyaltyPagesPlugin(AirflowPlugin):
    """Points expiration in the navigation, and a tab on every DAG run."""

    name = "loyalty_pages"
    fastapi_apps = [{"app": pages, "url_prefix": PREFIX, "name": "Points expiration"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": SHORT_NAME,
            "href": f"{HOME}/",
            "icon": f"{HOME}/static/points.svg",
            "destination": "nav",
            "url_route": "points-expiration",
            "nav_top_level": True,
        },
        {
            "name": "Points expiration",
            "href": f"{HOME}/dag-runs/{{DAG_ID}}/{{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "points-expiration-run",
        },
    ]
