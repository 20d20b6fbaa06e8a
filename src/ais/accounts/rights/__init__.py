"""Rights: roles that are given and taken, matters that need a second person, and the keys of machines.

A matter that one person may not decide alone is asked for by one and signed by another: what is to happen stands in an
approval, whose content no one can change, and happens in the transaction of the signature, once.
"""
