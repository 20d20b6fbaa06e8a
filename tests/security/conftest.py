"""The program in process, for those who attack it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.factories.in_process import InProcess
from tests.factories.page_reader import Visitor, visitor_of
from tests.factories.programs import market, own_program, program, shared_program, simulator

__all__ = ["market", "own_program", "program", "shared_program", "simulator"]


@pytest.fixture
async def visitor(program: InProcess) -> AsyncIterator[Visitor]:
    async with visitor_of(program) as visitor:
        yield visitor
