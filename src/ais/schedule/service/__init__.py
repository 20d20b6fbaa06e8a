"""The use cases of the schedule."""
