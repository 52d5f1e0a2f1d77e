"""`scrapy crawl` with checked arguments, a closing table and an exit status to rely on."""

from __future__ import annotations

import argparse
import logging
import sys
from typing import Any

from scrapy.commands.crawl import Command as ScrapyCrawlCommand
from scrapy.exceptions import UsageError
from scrapy.spiderloader import get_spider_loader

from apparel_clf.dataset import Staging
from apparel_clf.errors import SettingsError
from crawler import stats
from crawler.browser import NO_BROWSER, find_chromium, starts
from crawler.config import ARGUMENTS, crawl_config
from crawler.spiders.amazon_apparel import AmazonApparelSpider

DONE, FAILED, USAGE = 0, 1, 2


class Command(ScrapyCrawlCommand):
    """Scrapy's own command, for every spider; ours gets more."""

    def long_desc(self) -> str:
        """Describe the command and the arguments of `amazon_apparel`."""
        told = ". ".join(f"-a {name}=…: {meaning}" for name, meaning in ARGUMENTS.items())
        return f"Run a spider. Arguments of amazon_apparel: {told}"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Run the spider; exit status 0 if it is done, 1 if it failed, 2 for wrong arguments."""
        if len(args) > 1:
            raise UsageError(
                f"{' '.join(args[1:])}: not understood. Arguments of a spider follow -a, "
                "for example: -a classes=saree",
                print_help=False,
            )
        if args != [AmazonApparelSpider.name]:
            super().run(args, opts)
            return
        # Its own words about a failed page, with a traceback; ours are in the closing lines.
        logging.getLogger("scrapy-playwright").setLevel(logging.ERROR)
        problem = self._check(args[0], opts.spargs)
        if problem:
            self.exitcode, message = problem
            sys.stderr.write(f"error: {message}\n")
            return
        crawler = self._crawl(args[0], opts.spargs)
        self.exitcode = self._close(crawler)

    def _check(self, name: str, arguments: dict[str, Any]) -> tuple[int, str] | None:
        settings: Any = self.settings
        get_spider_loader(settings).load(name).update_settings(settings)
        try:
            crawl_config(settings, arguments)
        except SettingsError as error:
            return USAGE, str(error)
        failed = starts()
        if failed and find_chromium():
            return FAILED, f"{find_chromium()} does not start ({failed}). Mend or remove it"
        return (FAILED, NO_BROWSER) if failed else None

    def _crawl(self, name: str, arguments: dict[str, Any]) -> Any:
        process: Any = self.crawler_process
        crawler = process.create_crawler(name)
        process.crawl(crawler, **arguments)
        process.start()
        return crawler

    def _close(self, crawler: Any) -> int:
        spider = crawler.spider
        if self.crawler_process.bootstrap_failed or spider is None:  # type: ignore[union-attr]
            return FAILED
        if any(stats.count(crawler.stats, c.label, stats.PAGES) for c in spider.config.classes):
            sys.stdout.write(closing_table(crawler.stats, spider.config))
        if spider.problem:
            sys.stderr.write(f"error: {spider.problem}\n")
            return FAILED
        if spider.version is None:
            sys.stderr.write(interrupted(spider.config))
            return FAILED
        sys.stdout.write(published_line(spider.version))
        ended, failed = short_classes(crawler.stats, spider)
        sys.stdout.write(ended)
        sys.stderr.write(failed)
        return FAILED if failed else DONE


def closing_table(collector: Any, config: Any) -> str:
    """Return a line for each class: pages, accepted, duplicates, rejected."""
    head = f"{'class':<16}{'pages':>8}{'accepted':>10}{'duplicates':>12}{'rejected':>10}\n"
    columns = ((stats.PAGES, 8), (stats.ACCEPTED, 10), (stats.DUPLICATES, 12), (stats.REJECTED, 10))
    lines = [
        f"{wanted.label:<16}"
        + "".join(f"{stats.count(collector, wanted.label, what):>{w}}" for what, w in columns)
        for wanted in config.classes
    ]
    return head + "\n".join(lines) + "\n"


def short_classes(collector: Any, spider: Any) -> tuple[str, str]:
    """Name the classes that got fewer images than were wanted, and why.

    Returns:
        What is only worth knowing, because the search came to its end; and what failed.
    """
    ended, failed = "", ""
    for wanted in spider.config.classes:
        number = stats.count(collector, wanted.label, stats.ACCEPTED)
        troubles = list(spider.troubles[wanted.label])
        lost = stats.count(collector, wanted.label, stats.FAILED_IMAGES)
        if lost:
            troubles.append(f"{lost} images could not be fetched")
        if number >= spider.config.per_class:
            continue
        short = f"{wanted.label}: {number} of {spider.config.per_class} images"
        if troubles:
            failed += (
                f"error: {short}: {'; '.join(troubles)}. What came is published; run it again\n"
            )
        else:
            ended += f"{short}, then the search ended; more queries in the classes file find more\n"
    return ended, failed


def interrupted(config: Any) -> str:
    """Say that a crawl was interrupted and what became of its work."""
    if not Staging(config.dataset_folder).journals_folder.is_dir():
        return "error: the crawl was interrupted before anything was fetched\n"
    return (
        "error: the crawl was interrupted. What it fetched is kept: run it again to go on, or "
        f"publish it with: apparel-clf dataset publish {config.dataset_folder}\n"
    )


def published_line(version: Any) -> str:
    """Say where the version is and what it holds."""
    sizes = ", ".join(f"{split} {sum(by.values())}" for split, by in version.counts.items())
    return f"published {version.path}: {len(version)} images ({sizes}), id {version.id[:12]}\n"
