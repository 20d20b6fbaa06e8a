"""What the schedule refuses, apart from a file with errors (:class:`ais.schedule.ssim.ScheduleFileRefused`)."""

from __future__ import annotations

from ais.kit import AppError, NotFound


class FlightDateNotFound(NotFound):
    """No flight date of that id or name exists."""

    code = "FLIGHT_DATE_NOT_FOUND"
    message = "There is no such flight date."


class FlightHasDeparted(AppError):
    """The flight date has left, so the schedule no longer changes it."""

    code = "FLIGHT_HAS_DEPARTED"
    status = 409
    message = "{flight} has departed and can no longer be changed."


class ScheduleNotFound(NotFound):
    """The carrier has no schedule in force, or none of the season that was named."""

    code = "SCHEDULE_NOT_FOUND"
    message = "There is no such schedule of {carrier}."


class ScheduleExportAmbiguous(AppError):
    """Several data sets of a carrier cover the same dates, so that one file cannot hold them all."""

    code = "SCHEDULE_EXPORT_AMBIGUOUS"
    status = 409
    message = "Several schedules of {carrier} overlap ({seasons}); name the season to export."


class BadScheduleData(AppError):
    """A file of cabin layouts or connecting times that is wrong; ``problems`` are all its lines that are."""

    code = "BAD_SCHEDULE_DATA"
    status = 422
    message = "The file has {count} errors and was not imported."

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(count=len(problems), problems=problems)
