"""Every statement on accounts."""
