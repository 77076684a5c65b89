from hypothesis import HealthCheck, settings

# mutmut runs each test many times in one process, whose speed says nothing.
settings.register_profile(
    "mutation",
    deadline=None,
    max_examples=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)
