"""The refusal of a schedule file."""

from __future__ import annotations

from collections.abc import Sequence

from ais.kit import AppError
from ais.schedule.ssim.columns import SsimError

_SHOWN = 200


class ScheduleFileRefused(AppError):
    """A schedule file that says something wrong. ``errors`` are all of them; nothing of it was imported."""

    code = "SCHEDULE_FILE_REFUSED"
    status = 422
    message = "The schedule file has {count} errors and was not imported."

    def __init__(self, errors: Sequence[SsimError]) -> None:
        self.errors = tuple(errors)
        super().__init__(count=len(self.errors), errors=[str(error) for error in self.errors[:_SHOWN]])
