#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""LATE ROWS INTO with several tasks, kills and a changed parallelism: each row is counted in a
window or is late, once; rows of a wrong clock go there too; another query reads them as a
stream."""

import json
import os
import random
import subprocess

HEADRACE = os.environ["HEADRACE"]
TMP = os.environ["HR_TMP"]
JOB = """
SET headrace.watermark.maxFuture = 1 day;
SET headrace.watermark.farFuture = drop;
CREATE TABLE t (k INT, n INT, at TIMESTAMP) USING json OPTIONS (path 'in', maxFilesPerTrigger 4);
CREATE STREAMING TABLE counted USING json OPTIONS (path 'counted')
  LATE ROWS INTO late USING json OPTIONS (path 'late') AS
SELECT window.start AS s, k, count(*) AS n
FROM STREAM t WATERMARK at DELAY OF INTERVAL 10 SECONDS GROUP BY window(at, '10 seconds'), k;
"""
AGAIN = """
CREATE STREAMING TABLE reasons USING json OPTIONS (path 'reasons', outputMode 'complete',
  allowUpdates 'true') AS SELECT _reason, count(*) AS n, min(_late_ms) AS least FROM STREAM late
  GROUP BY _reason;
"""
FILES, ROWS = 24, 3000


def rows_of(folder):
    path, epochs = os.path.join(TMP, folder), {}
    for name in os.listdir(os.path.join(path, "_spark_metadata")):
        if not name.isdigit():
            continue
        with open(os.path.join(path, "_spark_metadata", name), encoding="utf-8") as manifest:
            for line in manifest.read().split("\n")[1:]:
                if line:
                    file = json.loads(line)["path"].split("/")[-1]
                    with open(os.path.join(path, file), encoding="utf-8") as rows:
                        epochs.setdefault(file, [json.loads(row) for row in rows])
    return [row for rows in epochs.values() for row in rows]


def run(job, *args, env=None):
    with open(os.path.join(TMP, "job.sql"), "w", encoding="utf-8") as file:
        file.write(job)
    return subprocess.run([HEADRACE, "run", "job.sql", "--checkpoint", "cp", "--available-now",
                           "--ui", "off", "--progress", "off", *args], cwd=TMP, timeout=120,
                          check=False, env=dict(os.environ, **(env or {}))).returncode


def main():
    rng = random.Random(7)
    os.makedirs(os.path.join(TMP, "in"))
    total = far = 0
    for f in range(FILES):
        with open(os.path.join(TMP, "in", f"{f:03}.json"), "w", encoding="utf-8") as file:
            for _ in range(ROWS):
                second = max(1, f * 10 + rng.randrange(10) - (rng.random() < 0.2) * 150)
                year = 2024 if rng.random() > 0.001 else 2999
                far += year == 2999
                total += 1
                file.write(json.dumps({"k": rng.randrange(50), "n": total, "at":
                           f"{year}-01-01T00:{second // 60:02}:{second % 60:02}Z"}) + "\n")
    for crash, threads in (("sink-commit:2", 4), ("journal-commit:1", 2), (None, 3), (None, 1)):
        # A second passing of sink-commit in one epoch: the output has it, the late rows do not.
        status = run(JOB, "--set", f"headrace.threads={threads}",
                     env={"HR_CRASH_AT": crash} if crash else {})
        assert status in (0, -9, 137), status
    assert status == 0
    late, counted = rows_of("late"), sum(row["n"] for row in rows_of("counted"))
    names = [row["n"] for row in late]
    assert len(set(names)) == len(names), "a late row came twice"
    assert sum(row["_reason"] == "far future" for row in late) == far > 0
    # What is in windows that are still open is neither; a last row closes them.
    with open(os.path.join(TMP, "in", "999.json"), "w", encoding="utf-8") as file:
        file.write('{"k":0,"n":0,"at":"2024-01-02T00:00:00Z"}\n')
    assert run(JOB + AGAIN) == 0
    late, counted = rows_of("late"), sum(row["n"] for row in rows_of("counted"))
    assert len(late) + counted == total, (len(late), counted, total)
    assert len(late) > far + 100
    assert all(row["_late_ms"] >= 0 for row in late if row["_reason"] == "late window")


if __name__ == "__main__":
    main()
