#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Snapshots of state are made in the background of a query that is killed and started again.

A query counts by many keys, so that its deltas soon outweigh the last snapshot. It is killed KILLS
times at random moments, some of them while a snapshot is being written. At the end the output is
what a batch gives, a snapshot is in the checkpoint, and the files that it stands for are gone.
The seed is printed; HR_SEED repeats a run.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["HR_ROOT"], "test"))
from sink_files import committed  # noqa: E402

HEADRACE = os.environ["HEADRACE"]
TMP = os.environ["HR_TMP"]
KILLS = int(os.environ.get("KILLS", "8"))
SEED = int(os.environ.get("HR_SEED", str(random.randrange(1 << 30))))
FILES, ROWS, KEYS = 24, 4000, 30000

IN, COUNTS = (os.path.join(TMP, name) for name in ("in", "counts"))
CHECKPOINT = os.path.join(TMP, "checkpoint")
TABLE = (
    "CREATE TABLE events (id BIGINT, k STRING, ts TIMESTAMP) "
    f"USING json OPTIONS (path '{IN}'%s);\n"
)
COUNT = """SELECT k, n, s FROM (
    SELECT window(ts, '1 hour') AS w, k, count(*) AS n, sum(id) AS s
    FROM %s GROUP BY window(ts, '1 hour'), k)"""
JOB = (
    "SET spark.sql.streaming.stateStore.minDeltasForSnapshot = 2;\n"
    + TABLE % ", maxFilesPerTrigger '1'"
    + f"CREATE STREAMING TABLE counted USING json OPTIONS (path '{COUNTS}') AS\n"
    + COUNT % "STREAM events WATERMARK ts DELAY OF INTERVAL 10 SECONDS"
    + ";\n"
)


def write_files(rng):
    os.makedirs(IN)
    for number in range(FILES + 1):
        rows = []
        for i in range(ROWS if number < FILES else 1):
            second = (number * ROWS + i) // 40 if number < FILES else 10**6
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(1704067200 + second))
            key = f"a-key-of-some-length-{rng.randrange(KEYS)}"
            rows.append(json.dumps({"id": number * ROWS + i, "k": key, "ts": stamp}))
        # the last three are hidden until the kills are over: the last run has work
        hidden = "_" if number > FILES - 3 else ""
        path = os.path.join(IN, f"{hidden}part-{number:05d}.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(rows) + "\n")


def start(sql, *options):
    log = open(os.path.join(TMP, "run.log"), "ab")
    command = [HEADRACE, "run", sql, "--checkpoint", CHECKPOINT, "--ui", "off", "--progress", "off"]
    return subprocess.Popen(command + list(options), stdout=log, stderr=log)


def batch(query):
    command = [HEADRACE, "sql", "--format", "json", "-e", TABLE % "" + query]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def canonical(rows):
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def state_files():
    found = {}
    for folder, _, names in os.walk(CHECKPOINT):
        if os.path.basename(folder) == "state":
            found[folder] = names
    return found


def main():
    print("seed", SEED)
    rng = random.Random(SEED)
    write_files(rng)
    sql = os.path.join(TMP, "job.sql")
    with open(sql, "w", encoding="utf-8") as file:
        file.write(JOB)
    for _ in range(KILLS):
        process = start(sql)
        time.sleep(rng.uniform(0.05, 0.4))
        process.send_signal(signal.SIGKILL)
        process.wait()
    for name in [name for name in os.listdir(IN) if name.startswith("_")]:
        os.rename(os.path.join(IN, name), os.path.join(IN, name[1:]))
    with open(os.path.join(TMP, "run.log"), "ab") as log:
        log.write(b"--- the last run\n")
    process = start(sql, "--available-now")
    assert process.wait(timeout=240) == 0, open(os.path.join(TMP, "run.log"), "rb").read()[-3000:]
    # without the row that only moves the watermark: others may sum up to its id, none alone is it
    closing = {"n": 1, "s": FILES * ROWS}
    want = [row for row in batch(COUNT % "events") if {"n": row["n"], "s": row["s"]} != closing]
    got = committed(COUNTS)
    assert canonical(got) == canonical(want), (len(got), len(want))
    files = state_files()
    assert len(files) == 1, files
    for folder, names in files.items():
        snapshots = [name for name in names if name.endswith(".snapshot")]
        assert len(snapshots) == 1, names
        epoch = int(snapshots[0].split("-")[1])
        assert all(n in snapshots or int(n.split("-")[1]) > epoch for n in names), names
    # what is there is all that a restart needs: it finds nothing new
    assert start(sql, "--available-now").wait(timeout=240) == 0
    assert canonical(committed(COUNTS)) == canonical(want)


main()
