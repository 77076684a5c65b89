import re
from http import HTTPStatus
from typing import Any

import pytest

from app.core.config import Environment
from tests.routers.problems import assert_problem
from tests.support import Api

pytestmark = pytest.mark.full

URLS = re.compile(r'(?:src|href)="([^"]*)"')
PRODUCTION = {"environment": Environment.PRODUCTION, "supabase_url": "https://p.supabase.co"}


class TestDocs:
    @pytest.mark.parametrize(
        ("changes", "shown"),
        [
            ({}, True),
            ({"docs_enabled": False}, False),
            ({**PRODUCTION, "metrics_token": "t"}, False),
            ({**PRODUCTION, "metrics_token": "t", "docs_enabled": True}, True),
        ],
    )
    async def test_by_setting(self, serve: Any, changes: dict[str, Any], shown: bool) -> None:  # noqa: FBT001  # a parameter of the test
        api = serve(**changes)
        expected = HTTPStatus.OK if shown else HTTPStatus.NOT_FOUND
        for path in ("/docs", "/docs/start.js", "/openapi.json"):
            assert (await api.client.get(path)).status_code == expected

    async def test_everything_comes_from_here(self, api: Api) -> None:
        page = await api.client.get("/docs")
        urls = URLS.findall(page.text)
        assert len(urls) == len({"icon", "style", "library", "start"})
        for url in urls:
            assert url.startswith("docs/")
            assert (await api.client.get(f"/{url}")).is_success

    async def test_no_script_runs_but_those(self, api: Api) -> None:
        page = await api.client.get("/docs")
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert not re.search(r"<script(?! src)|\son\w+=|javascript:", page.text)

    async def test_the_library_is_there(self, api: Api) -> None:
        library = await api.client.get("/docs/swagger-ui-bundle.js")
        assert library.headers["content-type"].startswith("text/javascript")
        assert "SwaggerUIBundle" in library.text

    @pytest.mark.parametrize("name", ["main.py", "..%2f__init__.py", "%2e%2e"])
    async def test_nothing_else_is(self, api: Api, name: str) -> None:
        assert_problem(await api.client.get(f"/docs/{name}"), 404, "not_found")
