"""The use cases of shopping: search, look at an offer, open it for an order, keep the data it reads from fresh."""
