"""Signed heads as files in a folder: one JSON document each, named after its position, never written twice."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import msgspec

from ais.platform.chain.links import SignedHead


class HeadFileError(ValueError):
    """A file that claims to be a head and is none."""


class FolderSink:
    """Keeps heads in ``folder``, which is made if it is not there. Mount it from another machine, or have it copied."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, head: SignedHead) -> None:
        await asyncio.to_thread(self._write, head)

    def _write(self, head: SignedHead) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._folder / f"head-{head.position:012d}.json"
        if target.exists():
            return
        handle, draft = tempfile.mkstemp(dir=self._folder, prefix=".head-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(head), indent=2) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            Path(draft).chmod(0o444)
            # A link appears whole or not at all, and never in place of another worker's.
            os.link(draft, target)
        except FileExistsError:
            return
        finally:
            Path(draft).unlink()


def read_heads(folder: Path) -> list[SignedHead]:
    """The heads of a folder in order of position; raises :class:`HeadFileError` for a file that cannot be read."""
    heads = []
    for path in sorted(folder.glob("head-*.json")):
        try:
            heads.append(msgspec.json.decode(path.read_bytes(), type=SignedHead))
        except msgspec.DecodeError as problem:
            raise HeadFileError(f"{path}: {problem}") from None
    return sorted(heads, key=lambda head: head.position)
