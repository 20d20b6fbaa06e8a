"""The program in process, for tests of what its sales do to the books."""

from tests.factories.programs import market, own_program, program, shared_program, simulator

__all__ = ["market", "own_program", "program", "shared_program", "simulator"]
