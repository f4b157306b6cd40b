-- name: lock_schema
-- One starting process at a time; the number is ours alone ("whispr" in ASCII).
SELECT pg_advisory_xact_lock(131273160945778);

-- name: make_schema_version
CREATE TABLE IF NOT EXISTS schema_version (
    version integer PRIMARY KEY,
    applied timestamptz NOT NULL DEFAULT now()
);

-- name: schema_version
SELECT coalesce(max(version), 0) FROM schema_version;

-- name: set_schema_version
INSERT INTO schema_version (version) VALUES ($1);

-- name: unsafe_settings
SELECT name FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'
ORDER BY name;

-- name: claim
INSERT INTO unit (unit_id, partition, epoch, owner, start, wm, out_seq, out_hash)
VALUES ($1, $2, 1, $3, $4, $4, 0, '')
ON CONFLICT (unit_id) DO UPDATE SET epoch = unit.epoch + 1, owner = excluded.owner
RETURNING epoch, start, wm, out_seq, out_hash;

-- name: end_quarantine
DELETE FROM quarantine WHERE unit_id = $1 RETURNING unit_id;

-- name: snapshots
SELECT pos, out_seq, out_hash, code_version, codec, crc, body
FROM snapshot WHERE unit_id = $1 ORDER BY pos DESC;

-- name: commit
-- One statement: a commit without a snapshot is one exchange with the server.
WITH moved AS (
    UPDATE unit SET wm = $4, out_seq = $5, out_hash = $6
    WHERE unit_id = $1 AND epoch = $2 AND wm = $3
        AND out_seq + cardinality($7::bigint[]) = $5
    RETURNING unit_id
), added AS (
    INSERT INTO output (unit_id, out_seq, id, kind, ts_event, instrument, origin, name, body)
    SELECT moved.unit_id, new.out_seq, new.id, new.kind, new.ts_event, new.instrument, new.origin,
        new.name, new.body::json
    FROM moved, unnest(
        $7::bigint[], $8::text[], $9::text[], $10::bigint[], $11::text[], $12::text[],
        $13::text[], $14::text[]
    ) AS new (out_seq, id, kind, ts_event, instrument, origin, name, body)
)
SELECT unit_id, (extract(epoch FROM now()) * 1000000000)::bigint AS created FROM moved;

-- name: taken_ids
SELECT id FROM output WHERE id = ANY($1::text[]);

-- name: add_snapshot
INSERT INTO snapshot (unit_id, pos, out_seq, out_hash, code_version, codec, crc, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (unit_id, pos) DO UPDATE SET
    out_seq = excluded.out_seq, out_hash = excluded.out_hash,
    code_version = excluded.code_version, codec = excluded.codec,
    crc = excluded.crc, body = excluded.body;

-- name: drop_snapshots
DELETE FROM snapshot WHERE unit_id = $1 AND pos NOT IN (
    SELECT pos FROM snapshot WHERE unit_id = $1 ORDER BY pos DESC LIMIT $2
);

-- name: mark
SELECT epoch, start, wm, out_seq, out_hash FROM unit WHERE unit_id = $1 FOR UPDATE;

-- name: marks
SELECT unit_id, epoch, start, wm, out_seq, out_hash FROM unit ORDER BY unit_id;

-- name: quarantine
INSERT INTO quarantine (unit_id, pos, reason) VALUES ($1, $2, $3)
ON CONFLICT (unit_id) DO UPDATE SET pos = excluded.pos, reason = excluded.reason;

-- name: quarantined
SELECT unit_id, pos, reason, (extract(epoch FROM since) * 1000000000)::bigint AS since
FROM quarantine ORDER BY unit_id;

-- name: outputs
-- What is behind is found among the units, not among outputs: a unit's numbers have no gaps, and none
-- is dropped. So what is at its end costs no look, and what is read is what is answered.
WITH behind AS (
    SELECT unit.unit_id, coalesce(place.out_seq, 0) AS out_seq,
        unit.out_seq - coalesce(place.out_seq, 0) AS many,
        sum(unit.out_seq - coalesce(place.out_seq, 0)) OVER (ORDER BY unit.unit_id) AS so_far
    FROM unit
    LEFT JOIN unnest($1::text[], $2::bigint[]) AS place (unit_id, out_seq)
        ON place.unit_id = unit.unit_id
    WHERE unit.out_seq > coalesce(place.out_seq, 0)
)
SELECT found.unit_id, found.out_seq, found.body,
    (extract(epoch FROM found.created) * 1000000000)::bigint AS created
FROM behind
CROSS JOIN LATERAL (
    SELECT output.* FROM output
    WHERE output.unit_id = behind.unit_id AND output.out_seq > behind.out_seq
    ORDER BY output.out_seq LIMIT $3
) AS found
WHERE behind.so_far - behind.many < $3
ORDER BY found.unit_id, found.out_seq
LIMIT $3;

-- name: recent_outputs
SELECT unit_id, out_seq, body, (extract(epoch FROM created) * 1000000000)::bigint AS created
FROM output ORDER BY ts_event DESC, unit_id DESC, out_seq DESC LIMIT $1;

-- name: claim_route
INSERT INTO relay (route, epoch) VALUES ($1, 1)
ON CONFLICT (route) DO UPDATE SET epoch = relay.epoch + 1
RETURNING epoch, receipt;

-- name: cursors
SELECT unit_id, out_seq FROM relay_cursor WHERE route = $1;

-- name: advance_route
-- Nobody waits for the disk: a cursor that goes back with the server is one whose outputs the outlet
-- is asked for again, as after a crash between the two.
WITH at_ease AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
), held AS (
    UPDATE relay SET receipt = $3 WHERE route = $1 AND epoch = $2 RETURNING route, epoch
), moved AS (
    INSERT INTO relay_cursor (route, unit_id, out_seq)
    SELECT held.route, new.unit_id, new.out_seq
    FROM held, unnest($4::text[], $5::bigint[]) AS new (unit_id, out_seq)
    ON CONFLICT (route, unit_id)
    DO UPDATE SET out_seq = greatest(relay_cursor.out_seq, excluded.out_seq)
)
SELECT held.epoch FROM held, at_ease;

-- name: claim_producer
INSERT INTO producer (producer, epoch) VALUES ($1, 1)
ON CONFLICT (producer) DO UPDATE SET epoch = producer.epoch + 1
RETURNING epoch, state;

-- name: producer_marks
SELECT source, seq FROM producer_mark WHERE producer = $1;

-- name: save_producer
UPDATE producer SET state = $3 WHERE producer = $1 AND epoch = $2 RETURNING epoch;

-- name: save_marks
INSERT INTO producer_mark (producer, source, seq)
SELECT $1, new.source, new.seq FROM unnest($2::text[], $3::bigint[]) AS new (source, seq)
ON CONFLICT (producer, source) DO UPDATE SET seq = excluded.seq;

-- name: lock_instruments
LOCK TABLE instrument IN SHARE ROW EXCLUSIVE MODE;

-- name: add_instruments
INSERT INTO instrument (code, symbol)
SELECT (SELECT coalesce(max(code) + 1, 0) FROM instrument) + new.place - 1, new.symbol
FROM unnest($1::text[]) WITH ORDINALITY AS new (symbol, place);

-- name: codes
SELECT symbol, code FROM instrument WHERE symbol = ANY($1::text[]);

-- name: instruments
SELECT symbol FROM instrument ORDER BY code;

-- name: bury
INSERT INTO dead_letter (source, seq, reason, detail)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[])
ON CONFLICT (source, seq) DO NOTHING;

-- name: dead_letters
SELECT source, seq, reason, detail FROM dead_letter ORDER BY place DESC LIMIT $1;

-- name: named
SELECT
    (SELECT count(*) FROM instrument),
    (SELECT coalesce(max(number), 0) FROM change),
    (SELECT coalesce(max(epoch), 0) FROM producer);

-- name: drop_dead_letters
DELETE FROM dead_letter
WHERE place IN (
    SELECT place FROM dead_letter
    WHERE place <= (SELECT place FROM dead_letter ORDER BY place DESC LIMIT 1 OFFSET $1)
    ORDER BY place
    LIMIT $2
)
RETURNING place;

-- name: set_desired
INSERT INTO desired (one, body) VALUES (1, $1)
ON CONFLICT (one) DO UPDATE SET body = excluded.body;

-- name: desired
SELECT body FROM desired;

-- name: lock_changes
LOCK TABLE change IN SHARE ROW EXCLUSIVE MODE;

-- name: add_change
INSERT INTO change (number, body)
SELECT coalesce(max(number), 0) + 1, $1 FROM change
RETURNING number, body, (extract(epoch FROM created) * 1000000000)::bigint AS created;

-- name: change
SELECT number, body, (extract(epoch FROM created) * 1000000000)::bigint AS created
FROM change WHERE number = $1;

-- name: changes
SELECT number, body, (extract(epoch FROM created) * 1000000000)::bigint AS created
FROM change ORDER BY number DESC LIMIT $1;
