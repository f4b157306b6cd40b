-- Positions are packed into one bigint that keeps their order; times of events are ns UTC.
-- Names sort by their bytes, as in SQLite, whatever the locale of the database.

CREATE TABLE unit (
    unit_id   text COLLATE "C" PRIMARY KEY,
    partition integer NOT NULL,
    epoch     bigint  NOT NULL,
    owner     text    NOT NULL,
    start     bigint  NOT NULL,
    wm        bigint  NOT NULL,  -- all outputs up to here are durable
    out_seq   bigint  NOT NULL,
    out_hash  text    NOT NULL
);

CREATE TABLE quarantine (
    unit_id text COLLATE "C" PRIMARY KEY REFERENCES unit,
    pos     bigint      NOT NULL,
    reason  text        NOT NULL,
    since   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE snapshot (
    unit_id      text COLLATE "C" NOT NULL REFERENCES unit,
    pos          bigint NOT NULL,
    out_seq      bigint NOT NULL,
    out_hash     text   NOT NULL,
    code_version text   NOT NULL,
    codec        text   NOT NULL,
    crc          bigint NOT NULL,  -- CRC-32 of body
    body         bytea  NOT NULL,
    PRIMARY KEY (unit_id, pos)
);

CREATE TABLE output (
    unit_id    text COLLATE "C" NOT NULL REFERENCES unit,
    out_seq    bigint NOT NULL,
    id         text COLLATE "C" NOT NULL CONSTRAINT output_id UNIQUE,
    kind       text   NOT NULL,
    ts_event   bigint NOT NULL,
    instrument text   NOT NULL,
    origin     text   NOT NULL,
    name       text   NOT NULL,
    body       json   NOT NULL,  -- not jsonb: the bytes stay as they were written
    created    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (unit_id, out_seq)
);

CREATE INDEX output_by_time ON output (ts_event, unit_id, out_seq);

CREATE TABLE relay (
    route   text COLLATE "C" PRIMARY KEY,
    epoch   bigint NOT NULL,
    receipt text   NOT NULL DEFAULT ''
);

CREATE TABLE relay_cursor (
    route   text COLLATE "C" NOT NULL REFERENCES relay,
    unit_id text COLLATE "C" NOT NULL,
    out_seq bigint NOT NULL,
    PRIMARY KEY (route, unit_id)
);

CREATE TABLE producer (
    producer text COLLATE "C" PRIMARY KEY,
    epoch    bigint NOT NULL,
    state    bytea  NOT NULL DEFAULT ''
);

CREATE TABLE producer_mark (
    producer text COLLATE "C" NOT NULL REFERENCES producer,
    source   text COLLATE "C" NOT NULL,
    seq      bigint NOT NULL,
    PRIMARY KEY (producer, source)
);

CREATE TABLE instrument (
    code   integer PRIMARY KEY,  -- 0, 1, 2 … without gaps
    symbol text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE dead_letter (
    place  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text COLLATE "C" NOT NULL,
    seq    bigint NOT NULL,
    reason text   NOT NULL,
    detail text   NOT NULL,
    UNIQUE (source, seq)
);

CREATE TABLE desired (
    one  integer PRIMARY KEY CHECK (one = 1),
    body bytea   NOT NULL
);
