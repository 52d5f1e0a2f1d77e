"""Errors that are kept beside answers: what they say stays, what they went through is let go."""

from __future__ import annotations

from apparel_clf.errors import ImageError


def kept(error: ImageError, outer: BaseException | None = None) -> ImageError:
    """Drop the tracebacks of an error that is not raised but collected.

    Their frames hold the file's bytes and its pixels, so a list of errors would hold every bad
    picture; and they lead back to that list, so that all of it would stay until Python next looks
    for such circles, which it rarely does in a large program.

    Args:
        error: as it was caught.
        outer: what was being handled already when the work on the image began; it is somebody
            else's and stays as it is. Default None: nothing.

    Returns:
        The same error; its causes are named as before.

    Example:
        >>> try:
        ...     load_image(b"...")
        ... except ImageError as error:
        ...     kept(error).__traceback__ is None
        True
    """
    link: BaseException | None = error
    while link is not None and link is not outer:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error
