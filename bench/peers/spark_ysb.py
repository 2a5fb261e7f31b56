#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Yahoo streaming benchmark on Spark Structured Streaming, from files: one JSON line.

    bench/peers/spark_ysb.py EVENTS CAMPAIGNS [--threads N] [--memory SIZE]

EVENTS is a file of JSON lines or a folder of such files (one a micro-batch), CAMPAIGNS a CSV of
ad_id,campaign_id.  Views are joined with their campaign and counted by campaign and ten seconds
of event time; watermark 10 s, RocksDB state, checkpoint, update mode, one Parquet file an epoch.
"""
import argparse
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
import peer  # noqa: E402


def build(spark, events, campaigns, form):
    from pyspark.sql import functions as F
    kind = {"ms": "BIGINT", "ms text": "STRING", "text": "TIMESTAMP"}[form]
    ts = F.col("event_time")
    if form != "text":
        ts = F.timestamp_millis(ts.cast("bigint"))
    stream = (spark.readStream.schema("ad_id STRING, event_type STRING, event_time " + kind)
              .option("maxFilesPerTrigger", 1).json(events))
    table = (spark.read.schema("ad_id STRING, campaign_id STRING")
             .option("header", peer.has_header(campaigns)).csv(campaigns))
    views = (stream.where("event_type = 'view'").select("ad_id", ts.alias("ts"))
             .withWatermark("ts", "10 seconds"))
    joined = views.join(F.broadcast(table), "ad_id")
    counted = joined.groupBy("campaign_id", F.window("ts", "10 seconds")).agg(
        F.count("*").alias("n"))
    return counted.select("campaign_id", F.unix_millis("window.start").alias("start"), "n")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events")
    parser.add_argument("campaigns")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--memory", default="2g")
    args = parser.parse_args()
    peer.enter_venv()
    files = peer.input_files(args.events)
    scratch = tempfile.mkdtemp(prefix="spark-ysb.")
    spark = peer.open_spark(args.threads, args.memory, scratch)
    with peer.Measure() as measure:
        counted = build(spark, peer.as_folder(args.events, scratch), args.campaigns,
                        peer.time_form(files))
        out = peer.run_stream(counted, scratch)
    last = spark.read.parquet(out).groupBy("campaign_id", "start").agg({"n": "max"})
    lines = ["%s|%d|%d" % tuple(row) for row in last.collect()]
    events = peer.count_lines(files)
    measure.report("spark", spark.version, "ysb", events, args.threads, lines)
    spark.stop()
    shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
