"""What is done with money, a module a verb.

Payments go in three steps, so that no transaction waits for the provider: begin (tx), call (no tx), settle (tx). The
edge runs the steps; what dies in between is found by ``unfinished_payments`` and ``pending_refunds`` and ends by the
same calls. The provider keys every call by our own ids, so a repeat is the same payment or refund there.
"""
