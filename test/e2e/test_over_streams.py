#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Functions over windows of rows (OVER) on a stream, taken over all its epochs, give what the same
query gives over the table.

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

W = "(PARTITION BY k ORDER BY ts"
QUERIES = {
    "rows": f"row_number() OVER {W}) AS a, lag(x) OVER {W}) AS b, lag(id, 3, -5) OVER {W}) AS c, "
            f"sum(id) OVER {W} ROWS BETWEEN 4 PRECEDING AND CURRENT ROW) AS d, "
            f"collect_list(x) OVER {W} ROWS 2 PRECEDING) AS e, "
            f"min(s) OVER {W} ROWS BETWEEN 5 PRECEDING AND 2 PRECEDING) AS f, "
            f"nth_value(s, 2) IGNORE NULLS OVER {W} ROWS 6 PRECEDING) AS g",
    "range": "".join(
        f"{f} OVER {W} RANGE BETWEEN INTERVAL 10 SECONDS PRECEDING AND CURRENT ROW) AS {n}, "
        for n, f in zip("abcd", ["count(*)", "avg(x)", "max(s)", "sum(id) FILTER (WHERE x > 0)"]))
             + f"count(*) OVER {W} RANGE BETWEEN INTERVAL 9 SECONDS PRECEDING AND "
               "INTERVAL 2 SECONDS PRECEDING) AS e",
    "ever": f"rank() OVER {W}) AS a, dense_rank() OVER {W}) AS b, sum(x) OVER {W}) AS c, "
            f"first_value(s) IGNORE NULLS OVER {W}) AS d, approx_count_distinct(s) OVER {W}) AS e, "
            f"max_by(id, x) OVER {W} ROWS UNBOUNDED PRECEDING) AS f, count(s) OVER {W}) AS g",
    "both": f"lag(ts) OVER {W}) AS a, sum(x) OVER {W} RANGE BETWEEN INTERVAL 4 SECONDS PRECEDING "
            f"AND CURRENT ROW) AS b, sum(x) OVER {W} ROWS 1 PRECEDING) AS c, "
            f"row_number() OVER {W}) AS d",
    "all": "sum(id) OVER (ORDER BY ts RANGE BETWEEN INTERVAL 3 SECONDS PRECEDING AND CURRENT ROW)"
           " AS a, count(*) OVER (ORDER BY ts) AS b",
    "keys": "count(*) OVER (PARTITION BY upper(k), x > 0 ORDER BY ts RANGE BETWEEN INTERVAL "
            "5 SECONDS PRECEDING AND CURRENT ROW) AS a",
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
                f"SELECT id, {items} FROM STREAM t WATERMARK ts DELAY OF INTERVAL {DELAY} "
                "SECONDS;\n")
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
        file.write(table(where) + f"SELECT to_json(struct(*)) FROM (SELECT id, {QUERIES[name]} "
                   "FROM t);\n")
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
