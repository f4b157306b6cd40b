-- name: claim
INSERT INTO unit (unit_id, partition, epoch, owner, start, wm, out_seq, out_hash)
VALUES (:unit_id, :partition, 1, :owner, :start, :start, 0, '')
ON CONFLICT (unit_id) DO UPDATE SET epoch = epoch + 1, owner = excluded.owner
RETURNING epoch, start, wm, out_seq, out_hash;

-- name: end_quarantine
DELETE FROM quarantine WHERE unit_id = :unit_id RETURNING unit_id;

-- name: snapshots
SELECT pos, out_seq, out_hash, code_version, codec, crc, body
FROM snapshot WHERE unit_id = :unit_id ORDER BY pos DESC;

-- name: commit
UPDATE unit SET wm = :new, out_seq = out_seq + :count, out_hash = :out_hash
WHERE unit_id = :unit_id AND epoch = :epoch AND wm = :old
RETURNING out_seq,
    CAST(strftime('%s') AS INTEGER) * 1000000000
    + CAST(substr(strftime('%f'), 4) AS INTEGER) * 1000000 AS now;

-- name: add_output
INSERT INTO output (
    unit_id, out_seq, id, kind, ts_event, instrument, origin, name, body, created
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: taken_ids
SELECT id FROM output WHERE id IN (SELECT value FROM json_each(:ids));

-- name: add_snapshot
INSERT INTO snapshot (unit_id, pos, out_seq, out_hash, code_version, codec, crc, body)
VALUES (:unit_id, :pos, :out_seq, :out_hash, :code_version, :codec, :crc, :body)
ON CONFLICT (unit_id, pos) DO UPDATE SET
    out_seq = excluded.out_seq, out_hash = excluded.out_hash,
    code_version = excluded.code_version, codec = excluded.codec,
    crc = excluded.crc, body = excluded.body;

-- name: drop_snapshots
DELETE FROM snapshot WHERE unit_id = :unit_id AND pos NOT IN (
    SELECT pos FROM snapshot WHERE unit_id = :unit_id ORDER BY pos DESC LIMIT :keep
);

-- name: mark
SELECT epoch, start, wm, out_seq, out_hash FROM unit WHERE unit_id = :unit_id;

-- name: marks
SELECT unit_id, epoch, start, wm, out_seq, out_hash FROM unit ORDER BY unit_id;

-- name: quarantine
INSERT INTO quarantine (unit_id, pos, reason, since) VALUES (
    :unit_id, :pos, :reason,
    CAST(strftime('%s') AS INTEGER) * 1000000000
    + CAST(substr(strftime('%f'), 4) AS INTEGER) * 1000000
)
ON CONFLICT (unit_id) DO UPDATE SET pos = excluded.pos, reason = excluded.reason;

-- name: quarantined
SELECT unit_id, pos, reason, since FROM quarantine ORDER BY unit_id;

-- name: outputs
-- What is behind is found among the units, not among outputs: a unit's numbers have no gaps, and none
-- is dropped. So what is at its end costs no look, and what is read is what is answered.
WITH behind AS MATERIALIZED (
    SELECT unit_id, max(place) AS place, max(said) - max(place) AS many,
        sum(max(said) - max(place)) OVER (ORDER BY unit_id) AS so_far
    FROM (
        SELECT unit_id, out_seq AS said, 0 AS place FROM unit
        UNION ALL
        SELECT key, 0, value FROM json_each(:after)
    )
    GROUP BY unit_id
    HAVING max(said) > max(place)
)
SELECT output.unit_id, output.out_seq, output.created, output.body
FROM behind
CROSS JOIN output ON output.unit_id = behind.unit_id
    AND output.out_seq > behind.place
    AND output.out_seq <= behind.place + :limit - (behind.so_far - behind.many)
WHERE behind.so_far - behind.many < :limit
ORDER BY output.unit_id, output.out_seq;

-- name: recent_outputs
SELECT unit_id, out_seq, created, body
FROM output ORDER BY ts_event DESC, unit_id DESC, out_seq DESC LIMIT :limit;

-- name: claim_route
INSERT INTO relay (route, epoch) VALUES (:route, 1)
ON CONFLICT (route) DO UPDATE SET epoch = epoch + 1
RETURNING epoch, receipt;

-- name: cursors
SELECT unit_id, out_seq FROM relay_cursor WHERE route = :route;

-- name: advance_route
UPDATE relay SET receipt = :receipt WHERE route = :route AND epoch = :epoch RETURNING epoch;

-- name: advance_cursor
INSERT INTO relay_cursor (route, unit_id, out_seq) VALUES (:route, :unit_id, :out_seq)
ON CONFLICT (route, unit_id) DO UPDATE SET out_seq = max(out_seq, excluded.out_seq);

-- name: claim_producer
INSERT INTO producer (producer, epoch) VALUES (:producer, 1)
ON CONFLICT (producer) DO UPDATE SET epoch = epoch + 1
RETURNING epoch, state;

-- name: producer_marks
SELECT source, seq FROM producer_mark WHERE producer = :producer;

-- name: save_producer
UPDATE producer SET state = :state WHERE producer = :producer AND epoch = :epoch RETURNING epoch;

-- name: save_mark
INSERT INTO producer_mark (producer, source, seq) VALUES (:producer, :source, :seq)
ON CONFLICT (producer, source) DO UPDATE SET seq = excluded.seq;

-- name: add_instrument
INSERT INTO instrument (code, symbol)
SELECT coalesce(max(code) + 1, 0), :symbol FROM instrument
WHERE true  -- else the parser takes ON for a join
ON CONFLICT (symbol) DO NOTHING;

-- name: codes
SELECT symbol, code FROM instrument WHERE symbol IN (SELECT value FROM json_each(:symbols));

-- name: instruments
SELECT symbol FROM instrument ORDER BY code;

-- name: bury
INSERT INTO dead_letter (source, seq, reason, detail) VALUES (:source, :seq, :reason, :detail)
ON CONFLICT (source, seq) DO NOTHING;

-- name: dead_letters
SELECT source, seq, reason, detail FROM dead_letter ORDER BY place DESC LIMIT :limit;

-- name: named
SELECT
    (SELECT count(*) FROM instrument),
    (SELECT coalesce(max(number), 0) FROM change),
    (SELECT coalesce(max(epoch), 0) FROM producer);

-- name: outdo_routes
UPDATE relay SET epoch = max(epoch + 1, CAST(strftime('%s') AS INTEGER));

-- name: drop_dead_letters
DELETE FROM dead_letter
WHERE place IN (
    SELECT place FROM dead_letter
    WHERE place <= (SELECT place FROM dead_letter ORDER BY place DESC LIMIT 1 OFFSET :keep)
    ORDER BY place
    LIMIT :most
)
RETURNING place;

-- name: set_desired
INSERT INTO desired (one, body) VALUES (1, :body)
ON CONFLICT (one) DO UPDATE SET body = excluded.body;

-- name: desired
SELECT body FROM desired;

-- name: add_change
INSERT INTO change (number, body)
SELECT coalesce(max(number), 0) + 1, :body FROM change
RETURNING number, body, created;

-- name: change
SELECT number, body, created FROM change WHERE number = :number;

-- name: changes
SELECT number, body, created FROM change ORDER BY number DESC LIMIT :limit;
