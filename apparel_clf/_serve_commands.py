"""The command ``apparel-clf serve``: arguments in, library calls, text or JSON out.

What is imported at the top is loaded by ``--help`` too; the library is imported in the command.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from apparel_clf._allocator import MEGABYTE, hold_little
from apparel_clf._arguments import PROGRAM
from apparel_clf._extras import require
from apparel_clf._outcome import Outcome

if TYPE_CHECKING:
    import argparse
    import socket

    from apparel_clf.serve import Limits


def _serve(args: argparse.Namespace) -> Outcome:
    require("uvicorn", "serve")
    import apparel_clf as ac
    from apparel_clf.serve import create_app
    from apparel_clf.serve.server import Server, open_socket, url_of

    # Smaller blocks cost a tenth of a small picture's time, in pages that are asked for anew.
    hold_little(block=8 * MEGABYTE, heaps=2, unused=16 * MEGABYTE)
    limits = _limits(args)
    bound = open_socket(args.host, args.port)
    with bound:
        hosts = _hosts(args, bound)
        classifier = ac.load(args.model, runtime=args.runtime)
        classifier.verbose = False
        app = create_app(classifier, limits, hosts=hosts, threshold=args.threshold)
        url = url_of(bound)
        sys.stderr.write(f"{PROGRAM}: {args.model} at {url} ({classifier.runtime_}); Ctrl-C ends\n")
        sys.stderr.flush()
        Server(app, bound, limits).run()
    return Outcome("", {"model": str(args.model), "url": url})


def _limits(args: argparse.Namespace) -> Limits:
    from apparel_clf.serve import Limits

    return Limits(
        body=args.max_body,
        files=args.max_files,
        pixels=args.max_pixels,
        workers=args.workers,
        waiting=args.waiting,
        memory=max(args.max_body, Limits.memory),
    )


def _hosts(args: argparse.Namespace, bound: socket.socket) -> frozenset[str] | None:
    """Decide under which names the service answers; warn where anybody may ask."""
    from apparel_clf.serve.guard import LOOPBACK_NAMES
    from apparel_clf.serve.server import is_loopback

    own = frozenset({args.host, *(args.allow_host or ())})
    if is_loopback(bound):
        return LOOPBACK_NAMES | own
    warnings.warn(
        f"{args.host}: everyone who can reach this computer can use the service, without a "
        "password; --host 127.0.0.1 keeps it to this computer",
        UserWarning,
        stacklevel=2,
    )
    return own if args.allow_host else None


SERVE_COMMANDS: dict[str, Callable[[argparse.Namespace], Outcome]] = {"serve": _serve}
