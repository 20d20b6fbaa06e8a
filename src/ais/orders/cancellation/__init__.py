"""Giving back: what is given up, what of its price comes back by which rule, and the quote that promises it.

A quote names passengers and segments and says line by line what is kept and what comes back; confirming it gives up the
coupons, the seats and the money in one transaction. Of every line paid = kept + refunded, of every quote fee + refund =
what was paid for what is given up. docs/algorithms/refunds.md has the rules with worked tables.
"""
