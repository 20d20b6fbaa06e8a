"""Pages of accounts: to register, sign in and out, choose a password, and see one's own orders and sessions."""
