"""Guards of the program, taken away one at a time: a storm that does not notice proves nothing about that guard."""
