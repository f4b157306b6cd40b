"""A program of its own: ties its life to the parent's, gives up root, becomes the server.

Run as ``python -I -S launch.py PARENT SIGNAL UID GID COMMAND...``. A program instead of a
``preexec_fn`` because the daemon has threads, and Python run between fork and exec may deadlock
there. Only the standard library is imported, and before giving up root: the user the server runs as
may not be able to read Python.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Never returns: ends as the server, or with a line on stderr and status 126."""
    parent, signal, uid, gid = (int(text) for text in sys.argv[1:5])
    command = sys.argv[5:]
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    os.umask(0o077)
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if libc is not None:
        # After setuid, which clears it. Kept over exec. The parent may have died before.
        libc.prctl(_PR_SET_PDEATHSIG, signal)
        if os.getppid() != parent:
            sys.exit(126)
    try:
        os.execv(command[0], command)  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]} as uid {uid}: {error}\n")
        sys.exit(126)


if __name__ == "__main__":
    main()
