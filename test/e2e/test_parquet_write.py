#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files that Headrace writes, of random values of every type and nesting, read by PyArrow, by
DuckDB and by itself: the same rows, whatever the codec, the size of pages and of row groups, and
the same counts behind filters that statistics answer; and as the sink and source of a stream. The
seed is printed; HR_SEED repeats a run.
"""

import glob
import os
import random
import shutil
import subprocess
import sys

import parquet_files as pf

pf.enter("pyarrow", "duckdb")
import duckdb  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

TMP = os.environ["HR_TMP"]
SEED = int(os.environ.get("HR_SEED", str(random.randrange(1 << 30))))
SMALL = ", `parquet.page.size` '300', `parquet.block.size` '40k'"
WAYS = {
    "snappy": "",
    "none": ", compression 'none'" + SMALL,
    "gzip": ", compression 'gzip', `parquet.enable.dictionary` 'false'" + SMALL,
    "zstd": ", compression 'zstd', `parquet.dictionary.page.size` '1000'",
    "lz4": ", `parquet.compression` 'lz4_raw', `parquet.page.row.count.limit` '7'"}


def literal(name, value):
    if name in ("i32", "i64", "u32", "small", "i8"):
        return str(value)
    if name in ("s", "few"):
        return "'" + value.replace("'", "''") + "'"
    return None


def check_filters(rng, folder, want):
    """Counts behind filters on columns that have statistics, by a count in Python."""
    name = rng.choice(["i32", "i64", "u32", "small", "s", "few"])
    value = rng.choice([row[name] for row in want if row[name] is not None] or [None])
    if value is None:
        return
    for op, holds in (("=", lambda a: a == value), ("<", lambda a: a < value),
                      (">", lambda a: a > value), ("<=", lambda a: a <= value)):
        def key(text):
            return text.encode() if isinstance(text, str) else text
        count = sum(1 for row in want if row[name] is not None and
                    (holds(row[name]) if op == "=" or not isinstance(value, str) else
                     {"<": key(row[name]) < key(value), ">": key(row[name]) > key(value),
                      "<=": key(row[name]) <= key(value)}[op]))
        result = pf.headrace(f"CREATE TABLE p USING parquet OPTIONS (path '{folder}');"
                             f"SELECT count(*) n FROM p WHERE {name} {op} {literal(name, value)}")
        got = pf.rows_of(result)[0]["n"]
        other = duckdb.sql(f"SELECT count(*) FROM '{folder}/*.parquet' "
                           f"WHERE {name} {op} {literal(name, value)}").fetchall()[0][0]
        if not got == count == other:
            sys.exit(f"{name} {op} {value!r}: {got}, DuckDB {other}, not {count}")


def check_stream():
    """New Parquet files into Parquet files, exactly once, in two runs on one checkpoint."""
    source, sink = os.path.join(TMP, "in"), os.path.join(TMP, "sink")
    sql = os.path.join(TMP, "flow.sql")
    with open(sql, "w") as file:
        file.write(f"CREATE TABLE src (i INT, l ARRAY<BIGINT>) USING parquet "
                   f"OPTIONS (path '{source}', maxFilesPerTrigger '1');\n"
                   f"CREATE STREAMING TABLE out USING parquet OPTIONS (path '{sink}') "
                   f"AS SELECT i + 1 AS i, l FROM STREAM src WHERE i > 1;\n")
    os.mkdir(source)
    for part in range(3):
        pq.write_table(pa.table({"l": [[part], None, []], "i": pa.array([part, 2, 3], pa.int32())}),
                       f"{source}/{part}.parquet")
        if part == 0:
            continue
        result = subprocess.run([os.environ["HEADRACE"], "run", sql, "--available-now",
                                 "--checkpoint", os.path.join(TMP, "checkpoint")],
                                capture_output=True, text=True)
        if result.returncode:
            sys.exit(f"stream: {result.stderr}")
    got = sorted((row["i"], str(row["l"])) for row in pf.read(sink, "i, l"))
    want = sorted([(3, "None"), (4, "[]")] * 3 + [(3, "[2]")])
    if got != want:
        sys.exit(f"stream: {got} for {want}")


def main():
    print("HR_SEED=%d" % SEED)
    rng = random.Random(SEED)
    for nulls in (0.15, 0.0, 0.97):
        table = pf.table(rng, rng.choice([1, 900, 2100]), nulls)
        want = pf.expected(table.to_pylist())
        source = os.path.join(TMP, "source.parquet")
        pq.write_table(table, source)
        for way, options in WAYS.items():
            folder = os.path.join(TMP, "out_" + way)
            shutil.rmtree(folder, ignore_errors=True)
            result = pf.headrace(
                f"CREATE TABLE p USING parquet OPTIONS (path '{source}');"
                f"CREATE TABLE o USING parquet OPTIONS (path '{folder}'{options}) "
                f"AS SELECT * FROM p")
            if result.returncode:
                sys.exit(f"{way}: {result.stderr}")
            files = glob.glob(folder + "/*.parquet")
            assert len(files) == 1, files
            theirs = pq.read_table(files[0], page_checksum_verification=True)
            theirs.validate(full=True)
            wrong = pf.differences(pf.expected(theirs.to_pylist()), want) or \
                pf.differences(pf.read(folder), want)
            if wrong:
                sys.exit(f"{way}, {nulls} NULLs: {wrong}")
            sums = duckdb.sql(f"SELECT count(*), sum(i32), sum(len(s)), count(ll), sum(len(l)) "
                              f"FROM '{files[0]}'").fetchall()[0]
            if sums[0] != len(want) or (sums[1] or 0) != sum(row["i32"] or 0 for row in want):
                sys.exit(f"{way}: DuckDB says {sums}")
            check_filters(rng, folder, want)
    check_stream()
    print("all equal")


main()
