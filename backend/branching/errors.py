"""Why a branch could not be made, used or removed. The messages hold no credentials."""


class BranchError(Exception):
    """Base of every failure that the commands report in one line."""


class ApiUnavailableError(BranchError):
    """The Management API did not answer, or with 429 or 5xx, each time it was asked."""


class ApiRefusedError(BranchError):
    """The Management API answered 4xx: asking again would not help."""

    def __init__(self, status: int, request: str, reason: str) -> None:
        super().__init__(f"{request}: HTTP {status} {reason}".rstrip())
        self.status = status


class BranchNotFoundError(BranchError):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no branch {name}")


class ProtectedBranchError(BranchError):
    """The branch is the default or a persistent one: nothing here may change it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is the default or a persistent branch and is left alone")


class BranchFailedError(BranchError):
    """The branch reached a state that it does not leave by itself."""

    def __init__(self, name: str, state: str) -> None:
        super().__init__(f"Branch {name} failed: {state}")
        self.state = state


class BranchTimeoutError(BranchError):
    def __init__(self, name: str, seconds: float, missing: str) -> None:
        super().__init__(f"Branch {name} was not ready after {seconds:.0f} s: {missing}")
        self.missing = missing


class BranchCredentialsError(BranchError):
    """The access token may not read what a client of the branch needs."""

    def __init__(self, name: str, missing: str) -> None:
        super().__init__(f"The API does not tell the {missing} of branch {name}")


class ProbeError(BranchError):
    """The branch itself does not answer yet."""

    def __init__(self, service: str, cause: BaseException) -> None:
        super().__init__(f"{service}: {type(cause).__name__}")
