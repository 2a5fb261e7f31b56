#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ORDER BY several keys of any type, with ties, NULLs and extremes, against a dumb comparison.

Rows that are equal by all keys keep the order in which they came. The seed is printed; HR_SEED
repeats a run.
"""

import functools
import json
import os
import random
import subprocess
import sys
from decimal import Decimal

HEADRACE = os.environ["HEADRACE"]
TMP = os.environ["HR_TMP"]
SEED = int(os.environ.get("HR_SEED", str(random.randrange(1 << 30))))
NAN, INF = float("nan"), float("inf")
LONG = "99999999999999999999.25"
VALUES = {
    "i INT": [-(2**31), 2**31 - 1, *range(-5, 6)],
    "l BIGINT": [-(2**63), 2**63 - 1, 2**63 - 2, *range(10)],
    "d DOUBLE": [NAN, INF, -INF, 0.5, -0.5, 1.25, 2.0, -3.0],
    "f FLOAT": [NAN, INF, -INF, 0.5, -0.5, 1.25, 2.0],
    "s STRING": ["", "a", "a" * 8, "a" * 8 + "b", "a" * 9, "b", "a" * 8 + "bc", "zz", "a\0"],
    "b BOOLEAN": [True, False],
    "m DECIMAL(38,2)": [Decimal(x) for x in (LONG, "-" + LONG, "0.01", "1.00", "-1.50")],
    "n DECIMAL(10,1)": [Decimal(x) for x in ("1.5", "-2.5", "0.0", "99999999.9")],
    "y TINYINT": [-128, 127, 0, 1],
}
NAMES = {column.split()[0]: values for column, values in VALUES.items()}


def as_json(value):
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, float) and value != value:
        return "NaN"
    return {INF: "Infinity", -INF: "-Infinity"}.get(value, value) \
        if isinstance(value, float) else value


def one_key(a, b, descending, nulls_first):
    if a is None or b is None:
        return 0 if a is b else -1 if (a is None) == nulls_first else 1
    if isinstance(a, str):
        a, b = a.encode(), b.encode()
    order = (a != a) - (b != b) if a != a or b != b else (a > b) - (a < b)
    return -order if descending else order


def all_keys(keys, a, b):
    return next((c for c in (one_key(a[k], b[k], d, n) for k, d, n in keys) if c), 0)


def main():
    rng = random.Random(SEED)
    print(f"seed {SEED}")
    rows = [{"id": i, **{k: None if rng.random() < .15 else rng.choice(v)
                         for k, v in NAMES.items()}} for i in range(2000)]
    path = os.path.join(TMP, "rows.json")
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({k: as_json(v) for k, v in row.items() if v is not None}) + "\n")
    orders = [[(k, rng.random() < .5, rng.random() < .5)
               for k in rng.sample(list(NAMES), rng.choice([1, 2, 3, 4]))] for _ in range(40)]
    job = f"CREATE TABLE t (id INT, {', '.join(VALUES)}) USING json OPTIONS (path '{path}');\n"
    for keys in orders:
        job += "SELECT id FROM t ORDER BY " + ", ".join(
            f"{k} {'DESC' if d else 'ASC'} NULLS {'FIRST' if n else 'LAST'}" for k, d, n in keys
        ) + ";\n"
    script = os.path.join(TMP, "job.sql")
    with open(script, "w", encoding="utf-8") as file:
        file.write(job)
    done = subprocess.run([HEADRACE, "sql", "-f", script, "--format", "results"],
                          capture_output=True, text=True, timeout=100, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines()][1:]
    bad = len(answers) != len(orders)
    for keys, answer in zip(orders, answers):
        want = sorted(rows, key=functools.cmp_to_key(functools.partial(all_keys, keys)))
        if [int(row[0]) for row in answer["rows"]] != [row["id"] for row in want]:
            bad = True
            print(f"seed {SEED}: {keys}")
    print(f"{len(answers)} orders{done.stderr[-1000:]}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
