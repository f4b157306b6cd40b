-- Positions are packed into one integer that keeps their order; times are ns UTC.

CREATE TABLE unit (
    unit_id   TEXT    NOT NULL PRIMARY KEY,
    partition INTEGER NOT NULL,
    epoch     INTEGER NOT NULL,
    owner     TEXT    NOT NULL,
    start     INTEGER NOT NULL,
    wm        INTEGER NOT NULL,  -- all outputs up to here are durable
    out_seq   INTEGER NOT NULL,
    out_hash  TEXT    NOT NULL
) WITHOUT ROWID;

CREATE TABLE quarantine (
    unit_id TEXT    NOT NULL PRIMARY KEY REFERENCES unit,
    pos     INTEGER NOT NULL,
    reason  TEXT    NOT NULL,
    since   INTEGER NOT NULL DEFAULT (CAST(strftime('%s') AS INTEGER) * 1000000000)
) WITHOUT ROWID;

CREATE TABLE snapshot (
    unit_id      TEXT    NOT NULL REFERENCES unit,
    pos          INTEGER NOT NULL,
    out_seq      INTEGER NOT NULL,
    out_hash     TEXT    NOT NULL,
    code_version TEXT    NOT NULL,
    codec        TEXT    NOT NULL,
    crc          INTEGER NOT NULL,  -- CRC-32 of body
    body         BLOB    NOT NULL,
    PRIMARY KEY (unit_id, pos)
);

CREATE TABLE output (
    unit_id    TEXT    NOT NULL REFERENCES unit,
    out_seq    INTEGER NOT NULL,
    id         TEXT    NOT NULL UNIQUE,
    kind       TEXT    NOT NULL,
    ts_event   INTEGER NOT NULL,
    instrument TEXT    NOT NULL,
    origin     TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    body       TEXT    NOT NULL,  -- JSON
    created    INTEGER NOT NULL DEFAULT (
        CAST(strftime('%s') AS INTEGER) * 1000000000
        + CAST(substr(strftime('%f'), 4) AS INTEGER) * 1000000
    ),
    PRIMARY KEY (unit_id, out_seq)
) WITHOUT ROWID;

CREATE INDEX output_by_time ON output (ts_event, unit_id, out_seq);

CREATE TABLE relay (
    route   TEXT    NOT NULL PRIMARY KEY,
    epoch   INTEGER NOT NULL,
    receipt TEXT    NOT NULL DEFAULT ''
) WITHOUT ROWID;

CREATE TABLE relay_cursor (
    route   TEXT    NOT NULL REFERENCES relay,
    unit_id TEXT    NOT NULL,
    out_seq INTEGER NOT NULL,
    PRIMARY KEY (route, unit_id)
) WITHOUT ROWID;

CREATE TABLE producer (
    producer TEXT    NOT NULL PRIMARY KEY,
    epoch    INTEGER NOT NULL,
    state    BLOB    NOT NULL DEFAULT x''
) WITHOUT ROWID;

CREATE TABLE producer_mark (
    producer TEXT    NOT NULL REFERENCES producer,
    source   TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    PRIMARY KEY (producer, source)
) WITHOUT ROWID;

CREATE TABLE instrument (
    code   INTEGER NOT NULL PRIMARY KEY,  -- 0, 1, 2 … without gaps
    symbol TEXT    NOT NULL UNIQUE
);

CREATE TABLE dead_letter (
    place  INTEGER NOT NULL PRIMARY KEY,
    source TEXT    NOT NULL,
    seq    INTEGER NOT NULL,
    reason TEXT    NOT NULL,
    detail TEXT    NOT NULL,
    UNIQUE (source, seq)
);

CREATE TABLE desired (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    body BLOB    NOT NULL
);
