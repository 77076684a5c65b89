from collections.abc import AsyncIterator

import pytest

from tests.cli.processes import DevStack, dev_stack
from tests.clients.node import installed_node

ACCESS_TOKEN_SECONDS = 3


@pytest.fixture(scope="session")
def node() -> str:
    return installed_node()


@pytest.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevStack]:
    """`training dev` with access tokens that a test can see expire."""
    data_dir = tmp_path_factory.mktemp("clients") / "data"
    lifetime = str(ACCESS_TOKEN_SECONDS)
    async with dev_stack(data_dir, "--access-token-seconds", lifetime) as stack:
        yield stack
