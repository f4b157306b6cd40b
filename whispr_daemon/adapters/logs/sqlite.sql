-- The market log, format 1. PRAGMA user_version holds the format.
CREATE TABLE IF NOT EXISTS about (partitions INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS entry (
    id        INTEGER PRIMARY KEY,
    partition INTEGER NOT NULL,
    position  INTEGER NOT NULL,  -- epoch << 40 | seq
    count     INTEGER NOT NULL,  -- of rows
    header    BLOB NOT NULL,     -- msgpack
    rows      BLOB NOT NULL      -- EVENT_DTYPE, little endian
);
CREATE UNIQUE INDEX IF NOT EXISTS entry_by_position ON entry (partition, position);
