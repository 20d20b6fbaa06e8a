"""What staff read of agencies, shifts, refunds and disputes, page by page."""
