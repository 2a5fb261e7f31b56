#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TPC-H beside DuckDB: the 22 queries over generated CSV files, answers compared, times of both.

    bench/tpch.py [--sf 0.01] [--queries 1,4,21] [--threads 1] [--dir DIR] [--repeat 3]

Needs Python with the packages duckdb and duckdb-extension-tpch of one version (pip install
duckdb-extension-tpch brings both): they generate the data and know the queries.  The files are
kept in DIR (default: /tmp/headrace-tpch-SF).  HEADRACE names the program (default:
build/headrace).  Both read the CSV files anew for every query.  The exit status is the number of
queries whose answers differ.
"""
import argparse
import json
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TYPES = {"INTEGER": "INT", "BIGINT": "BIGINT", "VARCHAR": "STRING", "DATE": "DATE"}


def connect(threads):
    import duckdb
    import duckdb_extension_tpch
    folder = os.path.join(os.path.dirname(duckdb_extension_tpch.__file__), "extensions")
    con = duckdb.connect(config={"threads": threads})
    for where, _, files in os.walk(folder):
        for name in files:
            con.execute("LOAD '%s'" % os.path.join(where, name))
    return con


def generate(con, sf, folder):
    if os.path.exists(os.path.join(folder, "done")):
        return
    os.makedirs(folder, exist_ok=True)
    con.execute("CALL dbgen(sf=%s)" % sf)
    for (table,) in con.execute("SHOW TABLES").fetchall():
        con.execute("COPY %s TO '%s/%s.csv' (HEADER false)" % (table, folder, table))
        columns = con.execute("DESCRIBE %s" % table).fetchall()
        with open(os.path.join(folder, table + ".columns"), "w") as out:
            json.dump([(c[0], c[1]) for c in columns], out)
    open(os.path.join(folder, "done"), "w").close()


def columns_of(folder, table):
    with open(os.path.join(folder, table + ".columns")) as f:
        return json.load(f)


def tables(folder):
    return sorted(n[:-8] for n in os.listdir(folder) if n.endswith(".columns"))


def headrace_tables(folder):
    lines = []
    for table in tables(folder):
        columns = ", ".join("%s %s" % (n, TYPES.get(t, t)) for n, t in columns_of(folder, table))
        lines.append("CREATE TABLE %s (%s) USING csv OPTIONS (path '%s/%s.csv');" %
                     (table, columns, folder, table))
    return "\n".join(lines)


def duck_tables(con, folder):
    for table in tables(folder):
        con.execute("DROP TABLE IF EXISTS %s" % table)
        types = ", ".join("'%s': '%s'" % (n, t) for n, t in columns_of(folder, table))
        con.execute("CREATE VIEW %s AS SELECT * FROM read_csv('%s/%s.csv', header=false, "
                    "columns={%s})" % (table, folder, table, types))


def same(a, b):
    if a is None or b is None:
        return a is b
    if a == b:
        return True
    try:
        x, y = float(a), float(b)
    except ValueError:
        return False
    return abs(x - y) <= 1e-4 * max(1.0, abs(x), abs(y))


def equal(ours, theirs):
    if len(ours) != len(theirs):
        return False
    return all(len(x) == len(y) and all(same(p, q) for p, q in zip(x, y))
               for x, y in zip(ours, theirs))


def run_headrace(program, setup, query, threads, limit):
    args = [program, "sql", "--format", "results", "--set", "headrace.threads=%d" % threads,
            "-e", setup + "\n" + query]
    start = time.time()
    try:
        done = subprocess.run(args, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return limit, None, "longer than %d s" % limit
    took = time.time() - start
    last = json.loads(done.stdout.splitlines()[-1])
    if "error" in last:
        return took, None, "%s: %s" % (last["error"]["class"], last["error"]["message"])
    return took, last["rows"], None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sf", default="0.01")
    parser.add_argument("--queries", default=",".join(str(i) for i in range(1, 23)))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--limit", type=int, default=120, help="seconds for a query")
    parser.add_argument("--dir")
    args = parser.parse_args()
    folder = args.dir or "/tmp/headrace-tpch-" + args.sf
    program = os.environ.get("HEADRACE", os.path.join(ROOT, "build", "headrace"))
    con = connect(args.threads)
    generate(con, args.sf, folder)
    duck_tables(con, folder)
    queries = dict(con.execute("SELECT query_nr, query FROM tpch_queries()").fetchall())
    setup, bad = headrace_tables(folder), 0
    print("query   headrace s  duckdb s  rows")
    for number in (int(n) for n in args.queries.split(",")):
        query = queries[number].strip().rstrip(";")
        ours = theirs = 1e9
        for _ in range(args.repeat):
            start = time.time()
            want = con.execute(query).fetchall()
            theirs = min(theirs, time.time() - start)
            took, rows, error = run_headrace(program, setup, query, args.threads, args.limit)
            ours = min(ours, took)
        want = [[None if v is None else str(v) for v in row] for row in want]
        verdict = error or ("" if equal(rows, want) else "ANSWERS DIFFER")
        bad += bool(verdict)
        print("q%-6d %10.3f %9.3f %5d  %s" % (number, ours, theirs, len(want), verdict), flush=True)
    return bad


if __name__ == "__main__":
    sys.exit(main())
