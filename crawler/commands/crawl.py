"""`scrapy crawl` with checked arguments, a dry run, a closing table and a status to rely on."""

from __future__ import annotations

import argparse
import difflib
import logging
import sys
from collections.abc import Iterator
from typing import Any

from scrapy.commands.crawl import Command as ScrapyCrawlCommand
from scrapy.exceptions import UsageError
from scrapy.spiderloader import get_spider_loader

from apparel_clf._allocator import MEGABYTE, hold_little
from apparel_clf._printable import printable
from apparel_clf.dataset import version_numbers
from apparel_clf.errors import ApparelError, SettingsError
from crawler import stats, summary
from crawler.browser import user_agent
from crawler.config import ARGUMENTS, CrawlConfig, crawl_config
from crawler.journal import CrawlJournal
from crawler.spiders.amazon_apparel import AmazonApparelSpider

DONE, FAILED, USAGE, BLOCKED, INTERRUPTED = 0, 1, 2, 3, 130


class Command(ScrapyCrawlCommand):
    """Scrapy's own command, for every spider; ours gets more."""

    def long_desc(self) -> str:
        """Describe the command, the arguments of `amazon_apparel` and the exit status."""
        told = ". ".join(f"-a {name}=…: {meaning}" for name, meaning in ARGUMENTS.items())
        return (
            f"Run a spider. Arguments of {AmazonApparelSpider.name}: {told}. Exit status: 0 done, "
            "1 failed or a class is short, 2 wrong arguments, 3 the shop refused, 130 interrupted; "
            "after 1, 3 and 130 the same command goes on where it was."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would be fetched, and fetch nothing"
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Run the spider; `long_desc` tells the exit status."""
        if len(args) > 1:
            raise UsageError(
                f"{' '.join(args[1:])}: not understood. Arguments of a spider follow -a, "
                "for example: -a classes=saree",
                print_help=False,
            )
        known = get_spider_loader(self.settings).list()  # type: ignore[arg-type]
        if args and args[0] not in known:
            self._fail(USAGE, _no_spider(args[0], known))
            return
        if args != [AmazonApparelSpider.name]:
            super().run(args, opts)
            return
        _quiet_others()
        try:
            config = self._config(args[0], opts.spargs)
        except SettingsError as error:
            self._fail(USAGE, str(error))
            return
        if opts.dry_run:
            self._show(config)
            return
        # Pages of half a megabyte that come and go leave holes in a heap: ten megabytes after a few
        # thousand images.
        hold_little(block=MEGABYTE // 8, heaps=1)
        self.exitcode = self._close(self._crawl(args[0], opts.spargs))

    def _config(self, name: str, arguments: dict[str, Any]) -> CrawlConfig:
        settings: Any = self.settings
        get_spider_loader(settings).load(name).update_settings(settings)
        return crawl_config(settings, arguments)

    def _fail(self, code: int, message: str) -> None:
        self.exitcode = code
        sys.stderr.write(f"error: {message}\n")

    def _show(self, config: CrawlConfig) -> None:
        try:
            journal = CrawlJournal(config)
        except (ApparelError, OSError) as error:
            self._fail(FAILED, str(error))
            return
        sys.stdout.write("\n".join(dry_run(config, journal)) + "\n")
        journal.close()

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
            sys.stdout.write(summary.closing_table(crawler.stats, spider.config, spider.version))
            sys.stdout.write(summary.reasons_line(crawler.stats))
        if spider.problem:
            sys.stderr.write(f"error: {spider.problem}\n")
            return BLOCKED if crawler.stats.get_value("finish_reason") == "blocked" else FAILED
        if spider.version is None:
            sys.stderr.write(summary.interrupted(spider))
            return INTERRUPTED
        sys.stdout.write(summary.published_line(spider.version))
        sys.stdout.write(summary.conflicts_line(spider.version))
        ended, failed = summary.short_classes(crawler.stats, spider)
        sys.stdout.write(ended)
        sys.stderr.write(failed)
        return FAILED if failed else DONE


def _quiet_others() -> None:
    """Leave out others' words about a failed page or request, with tracebacks: ours say it."""
    logging.getLogger("scrapy-playwright").setLevel(logging.ERROR)
    logging.getLogger("playwright").setLevel(logging.CRITICAL)
    logging.getLogger("scrapy.downloadermiddlewares.robotstxt").setLevel(logging.CRITICAL)


def _no_spider(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    way_out = f"did you mean {close[0]}?" if close else f"there is {', '.join(known)}"
    return f"{printable(name)}: no such spider; {way_out}"


def dry_run(config: CrawlConfig, journal: CrawlJournal) -> Iterator[str]:
    """Yield the lines that tell what a crawl would fetch.

    Args:
        config: the crawl.
        journal: what is known of it and of the dataset.
    """
    number = 1 + max(version_numbers(config.dataset_folder), default=0)
    searches = sum(len(wanted.queries) for wanted in config.classes)
    yield "Nothing was fetched. A crawl would:"
    yield f"  ask        {config.base_url}, obeying its robots.txt"
    yield f"  as         {user_agent(config.contact)}"
    for wanted in config.classes:
        yield f"  collect    {wanted.label}: {config.per_class} unique images{_rules(wanted)}"
        for query in wanted.queries:
            yield f"             {config.search_url(query, wanted.filters)}"
    yield f"  read       at most {searches * config.pages} search pages ({config.pages} a query)"
    yield f"  fetch      images from {', '.join(config.image_hosts)}"
    yield f"  keep       {len(journal.known)} stored images as they are"
    if journal.resumed:
        yield f"  go on      with an interrupted crawl: {journal.before} are there already"
    yield f"  publish    {config.dataset_folder / f'v{number}'}"


def _rules(wanted: Any) -> str:
    must = f", title with one of: {', '.join(wanted.must)}" if wanted.must else ""
    must_not = f", title without: {', '.join(wanted.must_not)}" if wanted.must_not else ""
    return f"{must}{must_not}"
