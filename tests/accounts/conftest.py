"""The program in process, for tests of accounts."""

from tests.factories.programs import market, own_program, program, shared_program, simulator

__all__ = ["market", "own_program", "program", "shared_program", "simulator"]
