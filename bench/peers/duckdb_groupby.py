#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""count, sum and max by a string key in DuckDB, as one batch from files: one JSON line.

    bench/peers/duckdb_groupby.py ROWS [--key k] [--value v] [--threads N]

The same input and answer as spark_groupby.py.
"""
import argparse
import os
import sys
import tempfile

sys.dont_write_bytecode = True
import peer  # noqa: E402
from duckdb_ysb import quoted  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows")
    parser.add_argument("--key", default="k")
    parser.add_argument("--value", default="v")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    peer.enter_venv()
    files = peer.input_files(args.rows)
    import duckdb
    db = duckdb.connect(config={"threads": args.threads})
    out = os.path.join(tempfile.mkdtemp(prefix="duckdb-groupby."), "answer.parquet")
    with peer.Measure() as measure:
        db.execute("""
            COPY (SELECT "{k}" AS k, count(*) AS n, sum("{v}") AS s, max("{v}") AS m
                  FROM read_json({files}, format = 'newline_delimited',
                                 columns = {{"{k}": 'VARCHAR', "{v}": 'BIGINT'}})
                  GROUP BY 1)
            TO '{out}' (FORMAT parquet)""".format(
                k=args.key, v=args.value, files=quoted(files), out=out))
    rows = db.execute("SELECT k, n, s::BIGINT, m FROM read_parquet('%s')" % out).fetchall()
    lines = ["%s|%d|%d|%d" % row for row in rows]
    events = peer.count_lines(files)
    measure.report("duckdb", duckdb.__version__, "groupby", events, args.threads, lines)
    os.remove(out)
    os.rmdir(os.path.dirname(out))


if __name__ == "__main__":
    main()
