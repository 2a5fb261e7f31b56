#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint that is damaged, cut, incomplete or mixed from two ages is refused by name, or the
job goes on exactly: never fewer or more rows with status 0.

A job of two queries (a copy, and counts by window) runs over half of its files and is then started
again on a checkpoint (and output) with one thing wrong: a byte flipped, a file cut short, removed,
or replaced by an older copy. STEP (default 149) is the distance between the bytes that are tried;
STEP=1 tries all of them. The seed is printed; HR_SEED repeats a run.
"""
import json
import os
import random
import re
import shutil
import subprocess
import sys

HEADRACE = os.environ["HEADRACE"]
TMP = os.path.join(os.path.abspath(os.environ["HR_TMP"]), "damage")
STEP = int(os.environ.get("STEP", "149"))
SEED = int(os.environ.get("HR_SEED", str(random.randrange(1 << 30))))
NAMED = re.compile(r"HR_CHECKPOINT_CORRUPT|HR_CHECKPOINT_MISMATCH|HR_OUTPUT_OWNED")
FILES, HALF, EARLY = 8, 5, 2
LIVE, SAVED = os.path.join(TMP, "live"), os.path.join(TMP, "saved")
failures, counts = [], {"exact": 0, "refused": 0}


def job():
    src = f"""CREATE TABLE src (id BIGINT, k STRING, ts TIMESTAMP)
  USING json OPTIONS (path '{TMP}/in', maxFilesPerTrigger '1');
CREATE STREAMING TABLE copied USING json OPTIONS (path '{LIVE}/copied') AS
  SELECT id FROM STREAM src;
CREATE STREAMING TABLE counted USING json OPTIONS (path '{LIVE}/counted') AS
  SELECT w.start AS start, k, n FROM (SELECT window(ts, '1 minute') AS w, k, count(*) AS n
    FROM STREAM src WATERMARK ts DELAY OF INTERVAL 10 SECONDS
    GROUP BY window(ts, '1 minute'), k);
"""
    with open(os.path.join(TMP, "job.sql"), "w", encoding="utf-8") as out:
        out.write(src)


def add_files(first, end):
    for number in range(first, end):
        with open(os.path.join(TMP, "in", f"f{number}.json"), "w", encoding="utf-8") as out:
            for i in range(10):
                out.write(json.dumps({"id": number * 10 + i, "k": f"k{i % 3}",
                                      "ts": f"2024-01-01T00:{number:02}:{i:02}Z"}) + "\n")


def run():
    return subprocess.run(
        [HEADRACE, "run", os.path.join(TMP, "job.sql"), "--available-now", "--progress", "off",
         "--checkpoint", os.path.join(LIVE, "cp")],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)


def rows():
    """What a reader sees."""
    found = {}
    for table, columns in (("copied", "id BIGINT"), ("counted", "start STRING, k STRING, n INT")):
        read = subprocess.run(
            [HEADRACE, "sql", "--format", "json", "-e",
             f"CREATE TEMPORARY VIEW o ({columns}) USING json OPTIONS (path '{LIVE}/{table}');"
             "SELECT * FROM o"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=60)
        found[table] = sorted(read.stdout.splitlines()) if read.returncode == 0 else read.stderr
    return found


def restore(name):
    shutil.rmtree(LIVE, ignore_errors=True)
    shutil.copytree(os.path.join(SAVED, name), LIVE)


def save(name):
    shutil.copytree(LIVE, os.path.join(SAVED, name))


def attempt(what, change):
    restore("half")
    change()
    ended = run()
    if ended.returncode == 0:
        counts["exact"] += 1
        got = rows()
        if got != EXPECTED:
            failures.append(f"{what}: status 0, but instead of "
                            f"{[len(rows) for rows in EXPECTED.values()]} rows "
                            f"{[len(r) if isinstance(r, list) else r for r in got.values()]}")
    elif NAMED.search(ended.stdout):
        counts["refused"] += 1
    else:
        failures.append(f"{what}: status {ended.returncode}: {ended.stdout[-400:]}")


def used_bytes(path):
    """Without the zeros of preallocation."""
    with open(path, "rb") as data:
        return len(data.read().rstrip(b"\0"))


def flip(path, at):
    with open(path, "r+b") as data:
        data.seek(at)
        byte = data.read(1)[0]
        data.seek(at)
        data.write(bytes([byte ^ (1 << rng.randrange(8))]))


def log_files():
    """Everything but the output's data files."""
    for folder, _, names in os.walk(os.path.join(SAVED, "half")):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), os.path.join(SAVED, "half"))
            if path.startswith("cp") or "_spark_metadata" in path:
                yield path


def damage_each():
    for name in sorted(log_files()):
        live = os.path.join(LIVE, name)
        size = used_bytes(os.path.join(SAVED, "half", name))
        for at in range(rng.randrange(STEP), size, STEP):
            attempt(f"{name}: byte {at} of {size} flipped", lambda: flip(live, at))
        for at in range(rng.randrange(STEP), size, STEP):
            attempt(f"{name}: cut at {at} of {size}", lambda: os.truncate(live, at))
        attempt(f"{name}: empty", lambda: os.truncate(live, 0))
        attempt(f"{name}: removed", lambda: os.remove(live))


def replace(part):
    old, live = os.path.join(SAVED, "early", part), os.path.join(LIVE, part)
    if os.path.isdir(live):
        shutil.rmtree(live)
        shutil.copytree(old, live)
    elif os.path.exists(old):
        shutil.copyfile(old, live)


def mix_ages():
    parts = ["cp", "cp/copied", "cp/counted", "cp/copied/journal", "cp/counted/journal",
             "cp/copied/sources", "cp/counted/sources", "cp/counted/state", "cp/copied/lock",
             "copied/_spark_metadata", "counted/_spark_metadata", "copied", "counted"]
    for part in parts:
        attempt(f"{part}: an older copy", lambda: replace(part))
        if "/" in part or part == "cp":
            attempt(f"{part}: removed", lambda: shutil.rmtree(os.path.join(LIVE, part))
                    if os.path.isdir(os.path.join(LIVE, part))
                    else os.remove(os.path.join(LIVE, part)))
    attempt("journal and lock: older copies",
            lambda: [replace("cp/copied/journal"), replace("cp/copied/lock")])


rng = random.Random(SEED)
print("seed", SEED)
shutil.rmtree(TMP, ignore_errors=True)
os.makedirs(os.path.join(TMP, "in"))
job()
for end, name in ((EARLY, "early"), (HALF, "half"), (FILES, "all")):
    add_files(end - (EARLY if name == "early" else HALF - EARLY if name == "half"
                     else FILES - HALF), end)
    ended = run()
    if ended.returncode:
        print(ended.stdout)
        sys.exit(1)
    save(name)
EXPECTED = rows()
if len(EXPECTED["copied"]) != FILES * 10 or len(EXPECTED["counted"]) < 15:
    failures.append(f"the undisturbed run: {EXPECTED}")
attempt("nothing wrong", lambda: None)
damage_each()
mix_ages()
shutil.rmtree(TMP, ignore_errors=True)
for failure in failures[:20]:
    print(failure)
print(f"{counts['exact']} exact, {counts['refused']} refused, {len(failures)} failures")
sys.exit(1 if failures or not counts["refused"] or not counts["exact"] else 0)
