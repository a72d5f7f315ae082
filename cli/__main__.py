"""The command `fraudstack` where nothing is installed: `python -m cli`."""

from cli.main import main

main()
