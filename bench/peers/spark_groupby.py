#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""count, sum and max by a string key on Spark Structured Streaming, from files: one JSON line.

    bench/peers/spark_groupby.py ROWS [--key k] [--value v] [--threads N] [--memory SIZE]

ROWS is a file of JSON lines with a string and a whole number, or a folder of such files (one a
micro-batch).  RocksDB state, checkpoint, update mode, one Parquet file an epoch.
"""
import argparse
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
import peer  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows")
    parser.add_argument("--key", default="k")
    parser.add_argument("--value", default="v")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--memory", default="4g")
    args = parser.parse_args()
    peer.enter_venv()
    files = peer.input_files(args.rows)
    scratch = tempfile.mkdtemp(prefix="spark-groupby.")
    spark = peer.open_spark(args.threads, args.memory, scratch)
    from pyspark.sql import functions as F
    with peer.Measure() as measure:
        stream = (spark.readStream.schema("`%s` STRING, `%s` BIGINT" % (args.key, args.value))
                  .option("maxFilesPerTrigger", 1).json(peer.as_folder(args.rows, scratch)))
        counted = stream.groupBy(F.col(args.key).alias("k")).agg(
            F.count("*").alias("n"), F.sum(args.value).alias("s"), F.max(args.value).alias("m"))
        out = peer.run_stream(counted, scratch)
    # A key's later answer has the larger count.
    last = spark.read.parquet(out).groupBy("k").agg(F.max_by(F.struct("n", "s", "m"), "n")
                                                    .alias("a"))
    rows = last.select("k", "a.n", "a.s", "a.m").toLocalIterator()
    lines = ["%s|%d|%d|%d" % tuple(row) for row in rows]
    events = peer.count_lines(files)
    measure.report("spark", spark.version, "groupby", events, args.threads, lines)
    spark.stop()
    shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
