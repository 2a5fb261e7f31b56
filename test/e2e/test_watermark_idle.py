#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A source that is silent holds the watermark back until it is idle, and with the idle clock a
silent stream's last windows close. Nothing here waits for a time: the rows must come."""

import json
import os
import signal
import subprocess
import time

HEADRACE = os.environ["HEADRACE"]
TMP = os.environ["HR_TMP"]
TABLES = """
CREATE TABLE a (k STRING, ts TIMESTAMP) USING json OPTIONS (path 'a');
CREATE TABLE b (k STRING, ts TIMESTAMP) USING json OPTIONS (path 'b');
"""


def put(folder, number, rows):
    os.makedirs(os.path.join(TMP, folder), exist_ok=True)
    path = os.path.join(TMP, folder, f"{number}.json")
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))
    os.rename(path + ".part", path)


def rows_of(folder):
    rows = []
    path = os.path.join(TMP, folder)
    for name in sorted(os.listdir(path)) if os.path.isdir(path) else []:
        if name.endswith(".json"):
            with open(os.path.join(path, name), encoding="utf-8") as lines:
                rows += [json.loads(line) for line in lines]
    return rows


def run(name, query, settings, expected):
    job = os.path.join(TMP, name + ".sql")
    with open(job, "w", encoding="utf-8") as file:
        file.write(f"{TABLES}CREATE STREAMING TABLE {name} USING json OPTIONS (path '{name}') "
                   f"AS {query};")
    command = [HEADRACE, "run", job, "--checkpoint", name + "-cp", "--ui", "off",
               "--progress", "off"]
    for setting in settings:
        command += ["--set", setting]
    process = subprocess.Popen(command, cwd=TMP, stdin=subprocess.DEVNULL)
    end = time.monotonic() + 120
    order = lambda rows: sorted(rows, key=str)
    while order(rows_of(name)) != expected and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    assert order(rows_of(name)) == expected, (name, rows_of(name), expected)


def main():
    put("a", 1, [{"k": "x", "ts": "2024-01-01T00:00:05Z"},
                 {"k": "y", "ts": "2024-01-01T00:01:00Z"}])
    put("b", 1, [{"k": "z", "ts": "2024-01-01T00:00:03Z"}])
    counts = ("SELECT count(*) AS n FROM "
              "(SELECT * FROM STREAM a WATERMARK ts DELAY OF INTERVAL 0 SECONDS "
              "UNION ALL SELECT * FROM STREAM b WATERMARK ts DELAY OF INTERVAL 0 SECONDS) "
              "GROUP BY window(ts, '10 seconds')")
    # b is quiet: its watermark of 3 s would keep the first window open for ever; the second's row
    # is the newest of all, so that the last window stays.
    run("idle", counts, ["headrace.watermark.idleTimeout=100 ms"], [{"n": 2}])
    # The clock closes the last one, too.
    ends = ("SELECT k, count(*) AS n FROM STREAM a WATERMARK ts DELAY OF INTERVAL 0 SECONDS "
            "GROUP BY k, window(ts, '500 milliseconds')")
    run("clock", ends,
        ["headrace.watermark.idleTimeout=50 ms", "headrace.watermark.idleClock=true"],
        [{"k": "x", "n": 1}, {"k": "y", "n": 1}])
    # The time of arrival as the event time: windows and silence by the clock.
    arrival = "FROM STREAM a WATERMARK current_timestamp() AS now DELAY OF INTERVAL 0 SECONDS "
    run("arrived", f"SELECT count(*) AS n {arrival} GROUP BY window(now, '200 milliseconds')",
        ["headrace.watermark.idleTimeout=50 ms", "headrace.watermark.idleClock=true"], [{"n": 2}])
    run("quiet", f"SELECT k {arrival} SILENT BY (k) FOR INTERVAL 300 MILLISECONDS",
        ["headrace.watermark.idleTimeout=50 ms", "headrace.watermark.idleClock=true"],
        [{"k": "x"}, {"k": "y"}])


if __name__ == "__main__":
    main()
