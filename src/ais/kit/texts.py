"""What a text of one line that people read may hold: nothing that is not seen, and nothing that turns others round.

Left out are control characters, line ends, soft hyphens, zero-width spaces and the marks by which a text can be shown
in another order than it has (U+202A to U+202E, U+2066 to U+2069). The joiners and the direction marks (U+200C to
U+200F) stay: Persian, Urdu and mixed names are written with them.
"""

from __future__ import annotations

import re
from typing import Final

_UNSEEN: Final = r"\u0000-\u001f\u007f-\u009f\u00ad\u200b\u2028-\u202e\u2060-\u2069\ufeff"
PRINTED: Final = rf"^[^{_UNSEEN}]*$"
"""As a pattern: such a text, which may be empty."""
ONE_LINE: Final = rf"^[^{_UNSEEN}]*[^{_UNSEEN}\s][^{_UNSEEN}]*$"
"""As a pattern: such a text that says something."""


def printed(text: str) -> str:
    """The text without what is not seen."""
    return re.sub(f"[{_UNSEEN}]", "", text)
