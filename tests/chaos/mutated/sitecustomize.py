"""Python imports this at its start where the folder is on its path: takes out a promise, if told.

So the daemon is changed, and the actors that a Ray cluster starts for it, and nothing of the
product: :mod:`tests.chaos.mutant` patches the process it runs in.
"""

import os
import sys

_OURS = ("whispr_daemon", "default_worker.py")  # the daemon, and what becomes an actor

if any(word.endswith(_OURS) for word in sys.orig_argv):
    from tests.chaos.mutant import MUTANTS

    MUTANTS[os.environ["CHAOS_MUTANT"]]()
