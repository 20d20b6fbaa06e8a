"""Use cases of accounts. All lock the user's row before the rows of its sessions and links."""
