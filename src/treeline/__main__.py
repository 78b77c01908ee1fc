"""`python -m treeline` is `treeline`."""

from treeline.cli import main

main()
