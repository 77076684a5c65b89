import pytest
from hypothesis import HealthCheck, Phase, settings

MUTATION = "mutation"

# mutmut runs each test many times in one process, whose speed says nothing; and that a mutant is
# noticed is enough, however large the example.
settings.register_profile(
    MUTATION,
    deadline=None,
    max_examples=40,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the quick tests notice a mutant before those with many examples do."""
    if config.option.hypothesis_profile == MUTATION:
        items.sort(key=lambda item: item.get_closest_marker("hypothesis") is not None)
