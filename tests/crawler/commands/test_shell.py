"""Scrapy's own commands work in this project, also without its spider."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_a_shell_opens_without_a_spider():
    command = [sys.executable, "-m", "scrapy", "shell", "-c", "settings['BOT_NAME']"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "apparel-clf"
    assert "Traceback" not in run.stderr
