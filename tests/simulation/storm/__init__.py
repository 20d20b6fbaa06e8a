"""Storms: customers, staff, provider and clock against the whole program, and a judge who trusts none of it.

A storm is made from a seed: who comes when and wants what, which faults are on, where the program is cut, how far the
clock jumps. It ends with calm: faults off, everything delivered, the clock moved on until nothing is due. Then the
judge reads the provider by its own lists and the books by SQL, and says what does not add up.
"""
