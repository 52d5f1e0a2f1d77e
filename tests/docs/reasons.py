"""What of the guides is not run, and why. Everything that is not named here is run.

Whatever is named is still held against the real parser where there is one: an argument that does
not exist is found.
"""

from __future__ import annotations

#: Commands of `apparel-clf`.
COMMANDS = {
    "dataset fetch": "asks the network; dataset/test_share.py runs it on loopback",
    "serve": "stays open until it is told to stop; its own tests start it",
    "review": "stays open until it is told to stop; its own tests start it",
}

#: Programs whose arguments are checked and which are not run.
CHECKED = {
    "make": "fills an environment of its own, then runs for minutes; its targets are looked up",
    "scrapy": "asks a shop, but for --dry-run; test_guide.py runs the guide's crawl at a local one",
    "python": "runs benchmarks and tests; that the module or file exists is looked up",
    "pip": "installs; that the extra exists is looked up",
}

#: Programs that are not this project's: their arguments are not known here.
FOREIGN = {
    ".": "sets up the shell that the commands are typed in",
    "cd": "changes the shell's folder",
    "curl": "asks a server; the server's tests ask the same",
    "docker": "needs a daemon that builds images",
}

#: Single blocks, by document and first line.
BLOCKS: dict[tuple[str, str], str] = {}

#: Blocks in languages that are shown and not run.
LANGUAGES = {
    "text": "output, a drawing or a folder's tree",
    "dockerfile": "needs a daemon that builds images",
    "html": "a piece of a page",
    "javascript": "runs in a browser",
    "ini": "a setting of another program",
    "nginx": "a setting of another program",
    "yaml": "a setting of another program",
}
