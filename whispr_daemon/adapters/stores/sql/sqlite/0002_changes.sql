-- What the rules were to be, by number. None is dropped: the log names them for as long as it lasts.

CREATE TABLE change (
    number  INTEGER NOT NULL PRIMARY KEY,  -- 1, 2, 3 … without gaps
    body    BLOB    NOT NULL,
    created INTEGER NOT NULL DEFAULT (
        CAST(strftime('%s') AS INTEGER) * 1000000000
        + CAST(substr(strftime('%f'), 4) AS INTEGER) * 1000000
    )
);
