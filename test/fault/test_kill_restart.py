#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments loses nothing and doubles nothing.

A directory gets JSON files while `headrace run` works on it: one query copies the rows it keeps,
one counts by window and key. The process is killed KILLS times (default 50) at random moments and
started again with the same command. At the end both outputs must be exactly what the same queries
give as a batch over all files. The seed is printed; HR_SEED repeats a run.
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
KILLS = int(os.environ.get("KILLS", "50"))
SEED = int(os.environ.get("HR_SEED", str(random.randrange(1 << 30))))
ROWS_PER_FILE = 200
FILES = 60

IN, COPY, COUNTS = (os.path.join(TMP, name) for name in ("in", "copy", "counts"))
CHECKPOINT = os.path.join(TMP, "checkpoint")

TABLE = (
    "CREATE TABLE events (id BIGINT, k STRING, ts TIMESTAMP) "
    f"USING json OPTIONS (path '{IN}'%s);\n"
)
JOB = TABLE % ", maxFilesPerTrigger '2'" + f"""
CREATE STREAMING TABLE copied USING json OPTIONS (path '{COPY}') AS
  SELECT id, k FROM STREAM events WHERE id % 3 <> 0;
CREATE STREAMING TABLE counted USING json OPTIONS (path '{COUNTS}') AS
  SELECT w.start AS start, k, n, s FROM (
    SELECT window(ts, '1 minute') AS w, k, count(*) AS n, sum(id) AS s
    FROM STREAM events WATERMARK ts DELAY OF INTERVAL 10 SECONDS
    GROUP BY window(ts, '1 minute'), k);
"""


def write_file(number, rng):
    """Rows of file `number`, in time order; the last file only pushes the watermark far ahead."""
    rows = []
    for i in range(ROWS_PER_FILE if number < FILES else 1):
        row_id = number * ROWS_PER_FILE + i
        second = row_id // 20 if number < FILES else 10**6
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(1704067200 + second))
        rows.append(json.dumps({"id": row_id, "k": f"key-{rng.randrange(17)}", "ts": stamp}))
    name = os.path.join(IN, f"part-{number:05d}.json")
    with open(name + ".tmp", "w", encoding="utf-8") as file:
        file.write("\n".join(rows) + "\n")
    os.rename(name + ".tmp", os.path.join(IN, f"part-{number:05d}.json"))


def start(sql, *options):
    log = open(os.path.join(TMP, "run.log"), "ab")
    return subprocess.Popen(
        [
            HEADRACE,
            "run",
            sql,
            "--checkpoint",
            CHECKPOINT,
            "--ui",
            "off",
            "--progress",
            "off",
            *options,
        ],
        stdout=log,
        stderr=log,
    )


def log_tail():
    with open(os.path.join(TMP, "run.log"), encoding="utf-8", errors="replace") as log:
        return log.read()[-2000:]


def batch(query):
    out = subprocess.run(
        [HEADRACE, "sql", "--format", "json", "-e", TABLE % "" + query],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def canonical(rows):
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def compare(name, got, expected):
    got, expected = canonical(got), canonical(expected)
    if got == expected:
        print(f"{name}: {len(got)} rows as the batch has them")
        return True
    missing = [row for row in expected if row not in set(got)]
    extra = [row for row in got if row not in set(expected)]
    print(
        f"{name}: {len(got)} rows, expected {len(expected)}; "
        f"missing {missing[:5]}, extra {extra[:5]}"
    )
    return False


def main():
    print(f"seed {SEED}, {KILLS} kills")
    rng = random.Random(SEED)
    os.makedirs(IN)
    sql = os.path.join(TMP, "job.sql")
    with open(sql, "w", encoding="utf-8") as file:
        file.write(JOB)
    next_file, kills = 0, 0
    while kills < KILLS:
        process = start(sql)
        deadline = time.monotonic() + rng.uniform(0.01, 0.35)
        while time.monotonic() < deadline:
            if next_file < FILES * (kills + 1) // KILLS:
                write_file(next_file, rng)
                next_file += 1
            time.sleep(0.004)
        if process.poll() is not None:
            print(f"headrace ended by itself with {process.returncode}:")
            print(log_tail())
            return 1
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    while next_file <= FILES:
        write_file(next_file, rng)
        next_file += 1
    for _ in range(2):
        end = start(sql, "--available-now")
        if end.wait(timeout=120) != 0:
            print(log_tail())
            return 1
    good = compare(
        "copied", committed(COPY), batch("SELECT id, k FROM events WHERE id % 3 <> 0")
    )
    good &= compare(
        "counted",
        committed(COUNTS),
        batch(f"""
        SELECT w.start AS start, k, n, s FROM (
          SELECT window(ts, '1 minute') AS w, k, count(*) AS n, sum(id) AS s FROM events
          WHERE id < {FILES * ROWS_PER_FILE} GROUP BY window(ts, '1 minute'), k)"""),
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
