#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Yahoo streaming benchmark's query in DuckDB, as one batch from files: one JSON line.

    bench/peers/duckdb_ysb.py EVENTS CAMPAIGNS [--threads N]

The same input and answer as spark_ysb.py; nothing is kept between runs.  It is the ceiling of what
a batch engine does on the same data, not a stream.
"""
import argparse
import os
import sys
import tempfile

sys.dont_write_bytecode = True
import peer  # noqa: E402


def quoted(files):
    return "[%s]" % ", ".join("'%s'" % f.replace("'", "''") for f in files)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events")
    parser.add_argument("campaigns")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    peer.enter_venv()
    files = peer.input_files(args.events)
    form = peer.time_form(files)
    kind = {"ms": "BIGINT", "ms text": "BIGINT", "text": "TIMESTAMPTZ"}[form]
    ms = "epoch_ms(event_time)" if form == "text" else "event_time"
    import duckdb
    db = duckdb.connect(config={"threads": args.threads})
    db.execute("SET TimeZone = 'UTC'")
    out = os.path.join(tempfile.mkdtemp(prefix="duckdb-ysb."), "answer.parquet")
    with peer.Measure() as measure:
        db.execute("""
            COPY (
                SELECT c.campaign_id AS campaign, e.start AS start, count(*) AS n
                FROM (SELECT ad_id, %s // 10000 * 10000 AS start
                      FROM read_json(%s, format = 'newline_delimited', columns = {
                          ad_id: 'VARCHAR', event_type: 'VARCHAR', event_time: '%s'})
                      WHERE event_type = 'view') AS e
                JOIN read_csv('%s', header = %s, columns = {
                    ad_id: 'VARCHAR', campaign_id: 'VARCHAR'}) AS c
                ON e.ad_id = c.ad_id
                GROUP BY ALL
            ) TO '%s' (FORMAT parquet)""" % (
                ms, quoted(files), kind, args.campaigns.replace("'", "''"),
                str(peer.has_header(args.campaigns)).lower(), out))
    rows = db.execute("SELECT campaign, start, n FROM read_parquet('%s')" % out).fetchall()
    lines = ["%s|%d|%d" % row for row in rows]
    events = peer.count_lines(files)
    measure.report("duckdb", duckdb.__version__, "ysb", events, args.threads, lines)
    os.remove(out)
    os.rmdir(os.path.dirname(out))


if __name__ == "__main__":
    main()
