"""The composition root: settings become adapters, adapters become routes, handlers and schedules."""
