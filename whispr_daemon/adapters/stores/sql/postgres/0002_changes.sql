-- What the rules were to be, by number. None is dropped: the log names them for as long as it lasts.

CREATE TABLE change (
    number  bigint PRIMARY KEY,  -- 1, 2, 3 … without gaps
    body    bytea       NOT NULL,
    created timestamptz NOT NULL DEFAULT now()
);
