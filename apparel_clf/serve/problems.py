"""Why a request is refused: a small vocabulary, each with its HTTP status and code."""

from __future__ import annotations

from apparel_clf.errors import ApparelError


class RequestError(ApparelError):
    """A request that can't be answered as it is.

    Args:
        status: the HTTP status.
        code: a stable, machine-readable name of the reason.
        reason: one sentence that says what is wrong and the way out.
        retry_after: seconds after which trying again makes sense, or None.

    Example:
        >>> raise RequestError(415, "content_type", "expected multipart/form-data")
    """

    def __init__(
        self, status: int, code: str, reason: str, *, retry_after: int | None = None
    ) -> None:
        self.status = status
        self.code = code
        self.reason = reason
        self.retry_after = retry_after
        super().__init__(f"{status} {code}: {reason}")

    def headers(self) -> dict[str, str]:
        """Return the headers that go with it."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


def too_large(limit: int) -> RequestError:
    """More bytes than a request may have."""
    return RequestError(
        413,
        "too_large",
        f"a request may have {limit:,} bytes at most; send fewer or smaller pictures",
    )


def too_many_files(limit: int) -> RequestError:
    """More pictures than a request may have."""
    return RequestError(
        413, "too_many_files", f"a request may have {limit} files at most; send several requests"
    )


def malformed(why: str) -> RequestError:
    """A body that is no multipart form."""
    return RequestError(400, "malformed", f"the body is not a well-formed multipart form: {why}")


def busy() -> RequestError:
    """No room at the moment."""
    return RequestError(
        503, "busy", "too much to do at the moment; try again in a second", retry_after=1
    )


def too_slow(received: int) -> RequestError:
    """A sender that takes too long."""
    return RequestError(408, "too_slow", f"only {received:,} bytes came in time; send them faster")


def cut_off(received: int) -> RequestError:
    """A sender that left before its request was complete."""
    return RequestError(400, "cut_off", f"the connection ended after {received:,} bytes")
