"""The command ``apparel-clf review``: arguments in, library calls, text or JSON out.

What is imported at the top is loaded by ``--help`` too; the library is imported in the command.
"""

from __future__ import annotations

import sys
import threading
import webbrowser
from collections.abc import Callable
from typing import TYPE_CHECKING

from apparel_clf._outcome import Outcome

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from apparel_clf.review import Judge, Review


def _review(args: argparse.Namespace) -> Outcome:
    from apparel_clf.review import Review, ReviewServer, open_reviewable

    version = open_reviewable(args.version)
    judges = (_judge(version.path, args.model),) if args.model else ()
    review = Review(version.path, judges, args.who)
    before = len(review.decisions)
    with ReviewServer(review, args.port) as server:
        _say(f"{version.name}: {len(version)} images to review at {server.url}")
        _say("decisions are saved as they are made; Ctrl-C ends")
        if not args.no_browser:
            threading.Thread(target=webbrowser.open, args=[server.url], daemon=True).start()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            _say("")  # the terminal's ^C has no line of its own
    return _ended(review, len(review.decisions) - before)


def _judge(folder: Path, model: Path) -> Judge:
    import apparel_clf as ac
    from apparel_clf.review import judge_by_model

    classifier = ac.load(model)
    _say(f"judging every image by models that had not seen it, as {model} was trained")
    return judge_by_model(ac.ImageFolder(folder), classifier)


def _ended(review: Review, made: int) -> Outcome:
    pending = dict(review.pending())
    told = ", ".join(f"{name} {count}" for name, count in pending.items())
    what = "decision" if made == 1 else "decisions"
    lines = [f"{made} {what} written to {review.dataset / 'decisions.jsonl'}"]
    if told:
        lines.append(
            f"not in {review.version.name} yet: {told}. Publish the next version with: "
            f"apparel-clf dataset publish {review.dataset}"
        )
    document = {
        "version": review.version.name,
        "path": str(review.version.path),
        "decisions": made,
        "pending": pending,
    }
    return Outcome("\n".join(lines), document)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


REVIEW_COMMANDS: dict[str, Callable[[argparse.Namespace], Outcome]] = {"review": _review}
