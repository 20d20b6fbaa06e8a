"""Style sheets, scripts, fonts and pictures, kept in memory and named after their content.

All files share one digest, which stands in their path: a page names the present one, so that browsers and proxies may
keep every file for a year, and a style sheet may name a font beside it.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files

from litestar import Response, get

from ais.kit import NotFound
from ais.platform.http import PUBLIC

PATH = "/assets"
FOR_A_YEAR = "public, max-age=31536000, immutable"
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


@lru_cache(maxsize=1)
def _contents() -> tuple[str, dict[str, bytes]]:
    """The digest of all files, and the files by name."""
    folder = files(__package__) / "static"
    contents = {file.name: file.read_bytes() for file in sorted(folder.iterdir(), key=lambda file: file.name)}
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16], contents


def asset_path(name: str) -> str:
    """Where a page finds the file; KeyError for a file that does not exist."""
    digest, contents = _contents()
    _ = contents[name]
    return f"{PATH}/{digest}/{name}"


@get(PATH + "/{digest:str}/{name:str}", access=PUBLIC, limit=None, include_in_schema=False, sync_to_thread=False)
def read_asset(digest: str, name: str) -> Response[bytes]:
    """A file of the pages. Under an old digest it is the present file, to be asked for again next time."""
    present, contents = _contents()
    if name not in contents:
        raise NotFound
    kind = _KINDS["." + name.rpartition(".")[2]]
    return Response(
        contents[name],
        media_type=kind,
        headers={
            "Cache-Control": FOR_A_YEAR if digest == present else "no-cache",
        },
    )
