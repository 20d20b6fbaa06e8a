"""Paying over the counter: what staff do for a traveller, by an agency's deposit, in cash, or by a mailed link."""
