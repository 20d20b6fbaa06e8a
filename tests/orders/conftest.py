"""The program in process, for tests of orders."""

from tests.factories.programs import market, module_program, own_program, program, shared_program, simulator

__all__ = ["market", "module_program", "own_program", "program", "shared_program", "simulator"]
