"""``python -m ais.app.cli`` is ``ais``."""

from ais.app.cli import main

main(prog_name="ais")
