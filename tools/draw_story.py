"""Tells the demo's story to a running demo and draws it as the picture of the README.

Run while ``make demo`` serves: ``python -m tools.draw_story docs/story.svg``.
"""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

from rich.console import Console

from ais.app import story

COLUMNS = 100


def main() -> None:
    """Write the picture to the file named by the first argument; no font is fetched by whoever looks at it."""
    story.console = Console(record=True, width=COLUMNS, highlight=False, file=sys.stdout)
    shopper = story.Shopper("http://127.0.0.1:8000", "http://127.0.0.1:12111", "sk_test_ais_demo")
    story.tell(shopper, None, random.Random())
    drawn = story.console.export_svg(title="make demo")
    drawn = re.sub(r"@font-face\s*\{.*?\}", "", drawn, flags=re.DOTALL)
    Path(sys.argv[1]).write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
