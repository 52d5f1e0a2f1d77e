"""Settings of the Scrapy project, each with its reason."""

from __future__ import annotations

from pathlib import Path

from scrapy.settings import default_settings

from crawler.addresses import MARKETPLACE_IMAGE_HOSTS
from crawler.browser import is_unneeded, launch_options, user_agent

BOT_NAME = "apparel-clf"
SPIDER_MODULES = ["crawler.spiders"]
NEWSPIDER_MODULE = "crawler.spiders"
COMMANDS_MODULE = "crawler.commands"

# --- This project's own ---------------------------------------------------------------------
# Labels and what to search for.
CLASSES_FILE = str(Path(__file__).with_name("classes.toml"))
# Where versions are published, from the folder that scrapy is started in.
DATASETS_FOLDER = "datasets"
# Told to shops in the user agent; the spider argument of the same name goes first.
CONTACT = ""
# Where a marketplace keeps product pictures; an address anywhere else is never fetched.
IMAGE_HOSTS = list(MARKETPLACE_IMAGE_HOSTS)
# Swatches and icons are 20 to 40 pixels; a picture of a garment has more.
IMAGE_MIN_SIDE = 48
# Banners and rulers are longer; the tallest sarees are about 1:3.
IMAGE_MAX_ASPECT = 4.0
# A page, or the shop, that has refused this often in a row is given up; its work is kept.
BLOCK_LIMIT = 6
# Seconds before a refused page is asked for again; doubled each time.
BLOCK_BACKOFF = 15.0
# No pause is longer; a shop that asks for more ends the crawl.
BLOCK_PAUSE_MAX = 600.0

# --- Politeness -----------------------------------------------------------------------------
# Says what this is. The spider adds the contact.
USER_AGENT = user_agent()
ROBOTSTXT_OBEY = True
AUTOTHROTTLE_ENABLED = True
# Seconds between the first pages, until their pace is known; for a shop of one's own (base_url)
# that of images.
AUTOTHROTTLE_START_DELAY = 1.0
AUTOTHROTTLE_MAX_DELAY = 60.0
# One search page asked for at a time, at the pace at which the shop answers.
AUTOTHROTTLE_TARGET_CONCURRENCY = 1.0
# Images come from a content network, which browsers ask for six at a time and more.
IMAGE_TARGET_CONCURRENCY = 8.0
# Seconds between the first images, until their pace is known.
IMAGE_START_DELAY = 0.1
CONCURRENT_REQUESTS = 16
CONCURRENT_REQUESTS_PER_DOMAIN = 8
# The browser follows a page's own redirects; a second look for them would parse every page again.
METAREFRESH_ENABLED = False
# A search page is rendered once; whoever was logged in or tracked is none of our business.
COOKIES_ENABLED = False
TELNETCONSOLE_ENABLED = False

# Scrapy imports also what is switched off, be it by None. Without these two it imports neither a
# web server nor the list of all domains: four megabytes less. Who wants cookies or remote
# control after all puts theirs back here: their own settings alone do nothing.
EXTENSIONS_BASE = {
    path: order
    for path, order in default_settings.EXTENSIONS_BASE.items()
    if not path.endswith(".RemoteControl")
}
DOWNLOADER_MIDDLEWARES_BASE = {
    path: order
    for path, order in default_settings.DOWNLOADER_MIDDLEWARES_BASE.items()
    if not path.endswith(".CookiesMiddleware")
}

# Each one costs a turn for every image, and has nothing to do here.
_UNUSED = ("httpauth.HttpAuthMiddleware", "offsite.OffsiteMiddleware")
DOWNLOADER_MIDDLEWARES = {
    **{f"scrapy.downloadermiddlewares.{name}": None for name in _UNUSED},
    "crawler.middlewares.AddressMiddleware": 50,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "crawler.middlewares.RobotsMiddleware": 100,
    # Nearer to the downloader than Scrapy's own retries (550), which know nothing of blocks.
    "crawler.middlewares.BlockMiddleware": 560,
}

# --- Limits ---------------------------------------------------------------------------------
DOWNLOAD_TIMEOUT = 60
# No product picture is larger; checked while the bytes come in.
DOWNLOAD_MAXSIZE = 32 * 1024 * 1024
DOWNLOAD_WARNSIZE = 16 * 1024 * 1024

# --- Browser --------------------------------------------------------------------------------
DOWNLOAD_HANDLERS = {
    **dict.fromkeys(("http", "https"), "crawler.handler.BrowserHandler"),
    # A page must not lead the crawler to files of this machine or to other services.
    **dict.fromkeys(("data", "file", "ftp", "s3")),
}
TWISTED_REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"
PLAYWRIGHT_BROWSER_TYPE = "chromium"
PLAYWRIGHT_LAUNCH_OPTIONS = launch_options()
# Each open page costs about 100 MB.
PLAYWRIGHT_MAX_PAGES_PER_CONTEXT = 4
PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT = 30_000
PLAYWRIGHT_ABORT_REQUEST = is_unneeded
# Where pages keep their parts, besides the shop and IMAGE_HOSTS; a page reaches no other host. A
# proxy's host belongs here too.
BROWSER_HOSTS = ["*.media-amazon.com", "*.ssl-images-amazon.com"]
# A tab costs as much to open as a page to render, so it serves several.
BROWSER_TAB_PAGES = 10
# Then the browser is replaced, which bounds its memory.
BROWSER_PAGES = 200
# Seconds for a page, whatever hangs; with it goes the browser.
BROWSER_PAGE_TIMEOUT = 90.0
# Names that lead into a private network are refused, but for the shop's own if it is there.
TWISTED_DNS_RESOLVER = "crawler.resolver.PublicResolver"

# --- From result to image -------------------------------------------------------------------
ITEM_PIPELINES = {
    "crawler.pipelines.RelevancePipeline": 100,
    "crawler.pipelines.ImagePipeline": 200,
    "crawler.pipelines.StagePipeline": 300,
    "crawler.pipelines.DedupePipeline": 400,
}
EXTENSIONS = {
    "scrapy.extensions.throttle.AutoThrottle": None,
    "crawler.extensions.PrintableLog": 10,
    "crawler.extensions.Throttle": 50,
    "crawler.extensions.ProgressBars": 100,
    "crawler.extensions.PublishOnClose": 200,
}

# --- What a person sees ---------------------------------------------------------------------
# Progress bars and a closing table tell the story; -L INFO shows Scrapy's own.
LOG_LEVEL = "WARNING"
# A rejected result is daily business; its reason is in the journal.
DEFAULT_DROPITEM_LOG_LEVEL = "INFO"
FEED_EXPORT_ENCODING = "utf-8"
# For `-o results.csv`: everything but the signature, which the manifest holds.
FEED_EXPORT_FIELDS = [
    *("label", "query", "source", "page_url", "page", "position"),
    *("asin", "title", "image_url", "sha256"),
]
