#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Dead letters under kill -9 at every named point of an epoch: each damaged record is there once,
with its file and the byte at which it begins; each good row once. The oracle is this program's own
reading of the files.
"""
import base64
import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["HR_ROOT"], "test"))
from sink_files import committed  # noqa: E402

HEADRACE, TMP = os.environ["HEADRACE"], os.environ["HR_TMP"]
SEED = int(os.environ.get("HR_SEED", str(random.randrange(1 << 30))))
POINTS = ["journal-plan", "sink-commit", "journal-commit", "source-read", "task-run", "file-sync"]
IN = os.path.join(TMP, "in")


def write_files(rng):
    good, bad = [], []
    os.makedirs(IN)
    for number in range(6):
        path, at = os.path.join(IN, f"{number}.json"), 0
        with open(path, "wb") as file:
            for i in range(rng.randrange(20, 60)):
                line = json.dumps({"id": number * 100 + i, "n": i}).encode()
                kind = rng.random()
                if kind < 0.15:
                    line = rng.choice([b"{", b'{"id":"x","n":1}', b"\xff\x00 garbage",
                                       b'{"id":1.5}'])
                    bad.append((path, at, line))
                else:
                    good.append(number * 100 + i)
                file.write(line + b"\n")
                at += len(line) + 1
    return sorted(good), sorted(bad)


def run(name, env):
    sql = os.path.join(TMP, name + ".sql")
    with open(sql, "w", encoding="utf-8") as file:
        file.write(f"""
CREATE TABLE t (id BIGINT, n BIGINT) USING json
  OPTIONS (path '{IN}', maxFilesPerTrigger '1', deadLetters '{TMP}/{name}.dead');
CREATE STREAMING TABLE o USING json OPTIONS (path '{TMP}/{name}.out') AS SELECT id FROM STREAM t;
""")
    return subprocess.run(
        [HEADRACE, "run", sql, "--checkpoint", os.path.join(TMP, name + ".cp"), "--ui", "off",
         "--progress", "off", "--available-now"], env={**os.environ, **env}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)


def main():
    print("seed", SEED)
    good, bad = write_files(random.Random(SEED))
    failures, kills = [], 0
    for point in POINTS:
        for k in (1, 2, 3, 5, 8):
            name = f"{point}-{k}"
            killed = run(name, {"HR_CRASH_AT": f"{point}:{k}"})
            kills += killed.returncode < 0
            again = run(name, {})
            if again.returncode:
                failures.append(f"{name}: {again.stderr[-500:]}")
                continue
            rows = sorted(row["id"] for row in committed(f"{TMP}/{name}.out"))
            letters = sorted((row["partition"], row["offset"], base64.b64decode(row["raw"]))
                             for row in committed(f"{TMP}/{name}.dead"))
            if rows != good:
                failures.append(f"{name}: {len(rows)} rows, not {len(good)}")
            if letters != bad:
                failures.append(f"{name}: letters {letters[:5]} of {len(letters)}, not {bad[:5]} "
                                f"of {len(bad)}")
    if kills < 15:
        failures.append(f"only {kills} runs were killed")
    print("\n".join(failures) or f"{kills} kills, {len(bad)} letters each: fine")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
