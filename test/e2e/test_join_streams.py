#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A join of two streams, taken over all its epochs, gives what the same join gives over tables.

Random rows of two sides (few keys, NULL keys and times) are split into epochs at random; the
program ends a few times on the way and goes on with another parallelism and other batches. All
joins are compared at the end. The seed is printed; HR_SEED repeats a run.
"""

import collections
import json
import os
import random
import subprocess
import sys
import time

HEADRACE = os.environ["HEADRACE"]
TMP = os.environ["HR_TMP"]
SEED = int(os.environ.get("HR_SEED", str(random.randrange(1 << 30))))
ROUNDS = int(os.environ.get("ROUNDS", "2"))
DELAY = 7  # seconds that a row may be behind the rows before it, and the delay of the watermarks

LEFT = "(SELECT * FROM STREAM l WATERMARK ts DELAY OF INTERVAL 7 SECONDS) l"
RIGHT = "(SELECT * FROM STREAM r WATERMARK ts DELAY OF INTERVAL 7 SECONDS) r"
RANGE = "l.k = r.k AND r.ts BETWEEN l.ts - INTERVAL 3 SECONDS AND l.ts + INTERVAL 10 SECONDS"
BOTH = "SELECT l.id AS a, r.id AS b FROM {l} {type} JOIN {r} ON "
HALF = "SELECT l.id AS a, l.x AS b FROM {l} {type} JOIN {r} ON "
JOINS = {
    "inner": (BOTH + RANGE, "INNER"),
    "lefts": (BOTH + RANGE, "LEFT"),
    "rights": (BOTH + RANGE, "RIGHT"),
    "fulls": (
        BOTH + RANGE + " AND l.id % 7 <> 3 AND r.id % 5 <> 2 AND l.id % 3 <> r.id % 3",
        "FULL",
    ),
    "semi": (HALF + RANGE + " AND l.id % 3 <> r.id % 3", "LEFT SEMI"),
    "anti": (HALF + RANGE + " AND l.id % 3 <> r.id % 3", "LEFT ANTI"),
    "safe": (BOTH + "l.k <=> r.k AND r.ts > l.ts AND r.ts - l.ts < INTERVAL 4 SECONDS", "LEFT"),
    "same": (BOTH + "l.ts = r.ts AND l.x = r.x", "FULL"),
    "ever": (BOTH + "upper(l.k) = upper(r.k) AND l.x < r.x", "INNER"),
    "twice": (
        "SELECT a, r.id AS b FROM "
        "(SELECT l.id * 1000 + coalesce(r.id, 0) AS a, l.k AS k, l.ts AS ts "
        "FROM {l} LEFT JOIN {r} ON " + RANGE + ") x LEFT JOIN {r} "
        "ON x.k = r.k AND r.ts BETWEEN x.ts - INTERVAL 3 SECONDS AND x.ts",
        "",
    ),
    "counts": (
        "SELECT unix_seconds(window.start) AS a, n AS b FROM (SELECT window, count(*) AS n FROM "
        "(SELECT l.ts AS ts FROM {l} JOIN {r} ON " + RANGE + ") GROUP BY window(ts, '20 seconds'))",
        "",
    ),
}


def rows_of(rng, count):
    now, rows = 100.0, []
    for i in range(count):
        now += rng.choice([0, 0, 0.5, 1, 3])
        stamp = now - rng.choice([0, 0, 0, 1, DELAY - 1])
        time = f"1970-01-01T00:{int(stamp) // 60:02d}:{stamp % 60:06.3f}Z"
        rows.append({
            "id": i,
            "k": rng.choice(["a", "b", "c", "d" * 20, None]),
            "x": rng.choice([0.5, -0.0, 2.25, None]),
            "ts": time if rng.random() > 0.03 else None,
        })
    return rows


def split(rng, rows, parts):
    cuts = sorted(rng.randrange(len(rows) + 1) for _ in range(parts - 1))
    return [rows[a:b] for a, b in zip([0] + cuts, cuts + [len(rows)])]


def write(folder, number, rows):
    path = os.path.join(folder, f"{number:04d}.json")
    hidden = os.path.join(folder, f".{number:04d}.json")  # a name that no source takes
    with open(hidden, "w", encoding="utf-8") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))
    os.rename(hidden, path)


def tables(where):
    return "".join(
        f"CREATE TABLE {t} (id BIGINT, k STRING, x DOUBLE, ts TIMESTAMP) "
        f"USING json OPTIONS (path '{where}/{t}', maxFilesPerTrigger '1');\n"
        for t in "lr"
    )


def stream_job(where):
    job = tables(where)
    for name, (sql, kind) in JOINS.items():
        sql = sql.format(l=LEFT, r=RIGHT, type=kind)
        options = f"OPTIONS (path '{where}/out/{name}')"
        job += f"CREATE STREAMING TABLE {name} USING json {options} AS {sql};\n"
    return job


def run(*args):
    done = subprocess.run(
        [HEADRACE, *args], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        sys.exit(f"seed {SEED}: {args}\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
    return done.stdout


def streamed(where, name):
    rows = collections.Counter()
    folder = os.path.join(where, "out", name)
    for file in os.listdir(folder) if os.path.isdir(folder) else []:
        if file.endswith(".json"):
            with open(os.path.join(folder, file), encoding="utf-8") as lines:
                for line in lines:
                    row = json.loads(line)
                    rows[(row.get("a"), row.get("b"))] += 1
    return rows


def batch(where, name):
    sql, kind = JOINS[name]
    sql = sql.format(l="l", r="r", type=kind)
    path = os.path.join(where, "batch.sql")
    with open(path, "w", encoding="utf-8") as file:
        file.write(tables(where) + f"SELECT to_json(struct(*)) FROM ({sql});\n")
    out = run("sql", "-f", path, "--format", "json")
    rows = collections.Counter()
    for line in out.splitlines():
        row = json.loads(next(iter(json.loads(line).values())))
        rows[(row.get("a"), row.get("b"))] += 1
    return rows


def one(number, rng):
    where = os.path.join(TMP, f"round{number}")
    files = {}
    for side in "lr":
        os.makedirs(os.path.join(where, side))
        files[side] = split(rng, rows_of(rng, rng.randrange(60, 160)), rng.choice([2, 6, 12]))
    job = os.path.join(where, "job.sql")
    with open(job, "w", encoding="utf-8") as file:
        file.write(stream_job(where))
    epochs = max(len(parts) for parts in files.values())
    stops = sorted(rng.sample(range(epochs), min(2, epochs))) + [epochs]
    # the last row of each side only moves the watermark
    for epoch in range(epochs + 1):
        for side in "lr":
            if epoch < len(files[side]):
                write(os.path.join(where, side), epoch, files[side][epoch])
            elif epoch == epochs:
                end = {"id": -1 if side == "l" else -2, "k": "end" + side, "x": None}
                end["ts"] = "1970-01-01T05:00:00.000Z"
                write(os.path.join(where, side), 9999, [end])
        if epoch in stops:
            partitions, batch_rows = rng.choice([1, 2, 3, 7]), rng.choice([1, 3, 100, 4096])
            run(
                "run", job, "--checkpoint", os.path.join(where, "ck"), "--available-now",
                "--ui", "off", "--progress", "off",
                "--set", f"spark.sql.shuffle.partitions={partitions}",
                "--set", f"headrace.batchSize={batch_rows}",
            )
    bad = 0
    for name in JOINS:
        got, want = streamed(where, name), batch(where, name)
        for rows in (got, want):
            for row in list(rows):
                if {-1, -2, -1000} & set(row) or (name == "counts" and row[0] >= 18000):
                    del rows[row]
        if got != want:
            bad += 1
            print(f"seed {SEED} round {number}: {name}: missing {list((want - got).items())[:5]}, "
                  f"too many {list((got - want).items())[:5]}")
    return bad


def explained(where, sql):
    path = os.path.join(where, "explain.sql")
    with open(path, "w", encoding="utf-8") as file:
        file.write(tables(where) + "EXPLAIN CREATE STREAMING TABLE o USING noop AS " + sql + ";\n")
    return run("sql", "-f", path)


def what_is_said():
    """What is kept and until when; the progress report has the rows of both sides."""
    where, bad = os.path.join(TMP, "said"), 0
    for side in "lr":
        os.makedirs(os.path.join(where, side))
        count = 3 if side == "l" else 4
        write(os.path.join(where, side), 0, [{"id": n, "k": str(n)} for n in range(count)])
    ever = "SELECT l.id FROM STREAM l JOIN STREAM r ON l.k = r.k"
    bounded = "SELECT l.id FROM " + LEFT + " LEFT JOIN " + RIGHT + " ON " + RANGE
    path = os.path.join(where, "job.sql")
    with open(path, "w", encoding="utf-8") as file:
        file.write(tables(where) + f"CREATE STREAMING TABLE o USING noop AS {ever};\n")
    said = subprocess.run(
        [HEADRACE, "run", path, "--checkpoint", os.path.join(where, "ck"), "--available-now",
         "--ui", "off", "--progress", "json"],
        capture_output=True, text=True, timeout=60, check=False)
    policy = subprocess.run(
        [HEADRACE, "sql", "-e", "SET spark.sql.streaming.multipleWatermarkPolicy=median"],
        capture_output=True, text=True, timeout=60, check=False)
    for text, parts in (
        (explained(where, bounded), (
            "StateJoin LeftOuter, left keys=[k], right keys=[k]",
            "left rows kept until the watermark passes ts + 10001 ms",
            "right rows kept until the watermark passes ts + 3001 ms")),
        (explained(where, ever), (
            "left rows kept for ever, right rows kept for ever",
            "State that grows for ever: StateJoin: left and right rows")),
        (said.stdout, ('"customMetrics":{"leftRows":3,"rightRows":4}',)),
        (said.stderr, ("nothing bounds the state of StateJoin: left and right rows",)),
        (policy.stderr, ("'median' is none of min, max",)),
    ):
        for part in parts:
            if part not in text:
                bad += 1
                print(f"lacks {part!r}:\n{text[-1500:]}")
    return bad


def wait_for(what, deadline=60):
    end = time.monotonic() + deadline
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def table_is_read_again():
    """A table beside a stream is read in each epoch: what it has become counts from then on."""
    where = os.path.join(TMP, "table")
    os.makedirs(os.path.join(where, "in"))
    table, job = os.path.join(where, "users.json"), os.path.join(where, "job.sql")
    with open(job, "w", encoding="utf-8") as file:
        file.write(f"""
CREATE TABLE visits (a STRING) USING json OPTIONS (path '{where}/in');
CREATE TABLE users (a STRING, b STRING) USING json OPTIONS (path '{table}');
CREATE STREAMING TABLE o USING json OPTIONS (path '{where}/out/o') AS
  SELECT v.a, u.b FROM STREAM visits v LEFT JOIN users u ON v.a = u.a;
""")
    seen = []
    with open(os.path.join(where, "log"), "w", encoding="utf-8") as log:
        command = [HEADRACE, "run", job, "--checkpoint", os.path.join(where, "ck"), "--ui", "off",
                   "--progress", "off"]
        with open(table, "w", encoding="utf-8") as file:
            file.write('{"a":"ann","b":"old"}\n')
        with subprocess.Popen(command, stdout=log, stderr=log) as process:
            for number, value in enumerate(["old", "new"]):
                with open(table, "w", encoding="utf-8") as file:
                    file.write(json.dumps({"a": "ann", "b": value}) + "\n")
                write(os.path.join(where, "in"), number, [{"a": "ann"}])
                seen.append(wait_for(lambda v=value: ("ann", v) in streamed(where, "o")))
            process.terminate()
    if seen != [True, True]:
        print(f"a table that changed: {seen}, {streamed(where, 'o')}")
        print(open(os.path.join(where, "log"), encoding="utf-8").read()[-2000:])
    return seen != [True, True]


def main():
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    bad = sum(one(number, rng) for number in range(ROUNDS))
    bad += table_is_read_again() + what_is_said()
    sys.exit(1 if bad else 0)


main()
