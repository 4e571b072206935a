"""How many files, sockets among them, the process may have open."""

import resource

#: What is taken where the system sets no limit.
UNLIMITED = 1 << 20


def raise_descriptor_limit() -> int:
    """Take all open files that the process may have without asking; returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else UNLIMITED
    if soft != resource.RLIM_INFINITY and soft >= wanted:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return soft
    return wanted
