"""What a form sends."""

from __future__ import annotations

from ais.platform.http import HTTPRequest


async def fields_of(request: HTTPRequest) -> dict[str, str]:
    """The text fields of the form; of one that is sent twice, the last."""
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
