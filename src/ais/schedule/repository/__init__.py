"""Every SQL statement of the schedule: reconciliation, data sets, the timetable, questions and single changes."""
