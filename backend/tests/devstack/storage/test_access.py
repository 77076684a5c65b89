import httpx
import pytest

from devstack.storage import create_storage_app
from tests.devstack.storage.conftest import SERVICE_KEY, Stack, assert_error


class TestAccess:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "bucket"),
            ("POST", "bucket"),
            ("GET", "bucket/media"),
            ("PUT", "bucket/media"),
            ("POST", "object/sign/media"),
            ("POST", "object/sign/media/lessons/intro.mp4"),
            ("POST", "object/upload/sign/media/new.mp4"),
            ("POST", "object/media/new.mp4"),
            ("PUT", "object/media/lessons/intro.mp4"),
            ("GET", "object/media/lessons/intro.mp4"),
            ("GET", "object/authenticated/media/lessons/intro.mp4"),
            ("GET", "object/info/media/lessons/intro.mp4"),
            ("POST", "object/list/media"),
            ("POST", "object/move"),
            ("DELETE", "object/media"),
            ("DELETE", "object/media/lessons/intro.mp4"),
        ],
    )
    async def test_asks_for_the_service_key(
        self, anonymous: httpx.AsyncClient, video: str, method: str, path: str
    ) -> None:
        for headers in ({}, {"apikey": "sb_publishable_development"}):
            response = await anonymous.request(method, path, headers=headers)
            assert_error(response, 403, "Unauthorized")

    def test_refuses_production(self, stack: Stack) -> None:
        with pytest.raises(RuntimeError, match="must not run in production"):
            create_storage_app(stack.store, service_key=SERVICE_KEY, environment="production")
