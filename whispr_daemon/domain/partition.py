"""Which partition of the log an instrument belongs to."""

from zlib import crc32


def partition_of(key: str, partitions: int) -> int:
    """Return ``crc32(key) % partitions``: the same on every machine and in every process."""
    return crc32(key.encode()) % partitions
