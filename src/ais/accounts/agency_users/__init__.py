"""The users of agencies: made, listed and locked by the airline's staff."""
