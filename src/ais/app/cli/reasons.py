"""Why something is done, said with every change that staff make by hand."""

from __future__ import annotations

import click


class _Reason(click.ParamType[str]):
    """A text that says something."""

    name = "text"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).strip()
        if not text:
            self.fail("A reason is missing.", param, ctx)
        return text


reason_option = click.option("--reason", type=_Reason(), required=True, help="Why; it is kept with the change.")
