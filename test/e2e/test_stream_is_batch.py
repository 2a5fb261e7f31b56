#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One text over a stream, taken over all its epochs, and over the table gives the same rows.

Random rows (few keys, ties of time, NULLs, rows out of order within the delay) are split into
epochs at random; the program ends a few times on the way and goes on with another parallelism and
other batches. The seed is printed; HR_SEED repeats a run.
"""

import collections
import json
import os
import random
import subprocess
import sys

HEADRACE = os.environ["HEADRACE"]
TMP = os.environ["HR_TMP"]
SEED = int(os.environ.get("HR_SEED", str(random.randrange(1 << 30))))
ROUNDS = int(os.environ.get("ROUNDS", "2"))
DELAY = 7  # seconds that a row may be behind the rows before it, and the delay of the watermark

WATERMARK = f" WATERMARK ts DELAY OF INTERVAL {DELAY} SECONDS"
# {t} is the stream or the table, with its watermark. The column id is of the row that it is about.
QUERIES = {
    "cumulate": "SELECT max(id) AS id, window.end AS e, k, sum(x) AS x, count(*) AS n FROM {t} "
                "GROUP BY cumulate_window(ts, '3 seconds', '12 seconds'), k",
    "silent": "SELECT id, s, silent_at FROM {t} SILENT BY (k) FOR INTERVAL 4 SECONDS",
    "silent_keys": "SELECT max(id) AS id, count(*) AS n FROM (SELECT * FROM {t} SILENT BY (k, s) "
                   "FOR INTERVAL 500 MILLISECONDS) GROUP BY window(silent_at, '10 seconds'), k",
}


def rows_of(rng, count):
    now, rows = 100.0, []
    for i in range(count):
        now += rng.choice([0, 0, 0.5, 1, 3])
        stamp = now - rng.choice([0, 0, 0, 1, DELAY - 1])
        rows.append({
            "id": i,
            "k": rng.choice(["a", "b", "c", "d" * 20, None]),
            "x": rng.choice([0.5, -0.0, 2.25, None]),
            "s": rng.choice(["p", "q", "r" * 30, None]),
            "ts": f"1970-01-01T00:{int(stamp) // 60:02d}:{stamp % 60:06.3f}Z",
        })
    return rows


def write(folder, number, rows):
    path = os.path.join(folder, f"{number:04d}.json")
    hidden = os.path.join(folder, f".{number:04d}.json")  # a name that no source takes
    with open(hidden, "w", encoding="utf-8") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))
    os.rename(hidden, path)


def table(where):
    return ("CREATE TABLE t (id BIGINT, k STRING, x DOUBLE, s STRING, ts TIMESTAMP) "
            f"USING json OPTIONS (path '{where}/t', maxFilesPerTrigger '1');\n")


def stream_job(where):
    job = table(where)
    for name, items in QUERIES.items():
        job += (f"CREATE STREAMING TABLE {name}_ USING json OPTIONS (path '{where}/out/{name}') AS "
                f"{items.format(t='STREAM t' + WATERMARK)};\n")
    return job


def run(*args):
    done = subprocess.run(
        [HEADRACE, *args], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        sys.exit(f"seed {SEED}: {args}\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
    return done.stdout


def as_text(row):
    return json.dumps(row, sort_keys=True)


def streamed(where, name):
    rows, last = collections.Counter(), {}
    folder = os.path.join(where, "out", name)
    for file in os.listdir(folder) if os.path.isdir(folder) else []:
        if file.endswith(".json"):
            with open(os.path.join(folder, file), encoding="utf-8") as lines:
                rows.update(as_text(json.loads(line)) for line in lines)
    return rows


def batch(where, name):
    path = os.path.join(where, "batch.sql")
    with open(path, "w", encoding="utf-8") as file:
        file.write(table(where) + "SELECT to_json(struct(*)) FROM "
                   f"({QUERIES[name].format(t='t' + WATERMARK)});\n")
    out = run("sql", "-f", path, "--format", "json", "--set", "spark.sql.shuffle.partitions=1")
    return collections.Counter(
        as_text(json.loads(next(iter(json.loads(line).values())))) for line in out.splitlines())


def one(number, rng):
    where = os.path.join(TMP, f"round{number}")
    os.makedirs(os.path.join(where, "t"))
    rows = rows_of(rng, rng.randrange(80, 250))
    epochs = rng.choice([2, 6, 14])
    cuts = sorted(rng.randrange(len(rows) + 1) for _ in range(epochs - 1))
    files = [rows[a:b] for a, b in zip([0] + cuts, cuts + [len(rows)])]
    job = os.path.join(where, "job.sql")
    with open(job, "w", encoding="utf-8") as file:
        file.write(stream_job(where))
    stops = sorted(rng.sample(range(epochs), min(2, epochs))) + [epochs]
    for epoch in range(epochs + 1):
        end = {"id": -1, "k": "end", "ts": "1970-01-01T05:00:00.000Z"}  # only moves the watermark
        write(os.path.join(where, "t"), epoch, files[epoch] if epoch < epochs else [end])
        if epoch in stops:
            partitions, batch_rows = rng.choice([1, 2, 3, 7]), rng.choice([1, 3, 100, 4096])
            run(
                "run", job, "--checkpoint", os.path.join(where, "ck"), "--available-now",
                "--ui", "off", "--progress", "off",
                "--set", f"spark.sql.shuffle.partitions={partitions}",
                "--set", f"headrace.batchSize={batch_rows}",
            )
    bad = 0
    for name in QUERIES:
        got, want = streamed(where, name), batch(where, name)
        for rows in (got, want):
            for row in list(rows):
                if json.loads(row)["id"] == -1:
                    del rows[row]
        if got != want:
            bad += 1
            print(f"seed {SEED} round {number}: {name}: missing {list((want - got).items())[:5]}, "
                  f"too many {list((got - want).items())[:5]}")
    return bad


def main():
    rng = random.Random(SEED)
    print(f"seed {SEED}")
    bad = sum(one(number, rng) for number in range(ROUNDS))
    print(f"{ROUNDS} rounds of {len(QUERIES)} queries, {bad} differ")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
