"""``python -m whispr_daemon`` is the command ``whispr``."""

from whispr_daemon.cli import main

main()
