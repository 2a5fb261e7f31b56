#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Long and deep statements: the answer, or HR_LIMIT, also with a stack of one MiB; never a crash.

What is a list or a chain of AND, OR or || may have any length (and must take linear time: a
quadratic one runs into the timeout). What nests is refused beyond a stated depth."""
import os
import resource
import subprocess
import sys

HEADRACE = os.environ["HEADRACE"]
TMP = os.environ["HR_TMP"]
failures = []

LONG = {
    "or": lambda n: ("SELECT count(*) FROM range(10) WHERE "
                     + " OR ".join(f"id = {i * 2}" for i in range(n)), "5"),
    "and": lambda n: ("SELECT count(*) FROM range(10) WHERE "
                      + " AND ".join(f"id != {i * 2}" for i in range(n)), "5"),
    "or of nulls": lambda n: ("SELECT " + " OR ".join(["CAST(NULL AS BOOLEAN)"] * n + ["id = 0"])
                              + " AS x FROM range(1)", "true"),
    "||": lambda n: ("SELECT length(" + " || ".join(f"'{i % 10}'" for i in range(n)) + ") AS x",
                     str(n)),
    "order of ||": lambda n: ("SELECT right(" + " || ".join(f"'{i % 10}'" for i in range(n))
                              + ", 3) AS x", "".join(str(i % 10) for i in range(n - 3, n))),
    "like any": lambda n: ("SELECT 'x7' LIKE ANY (" + ", ".join(f"'x{i}'" for i in range(n)) + ")",
                           "true"),
    "in": lambda n: ("SELECT 7 IN (" + ", ".join(str(i) for i in range(n)) + ")", "true"),
    "case": lambda n: ("SELECT CASE " + " ".join(f"WHEN id = {i} THEN {i + 1}" for i in range(n))
                       + " END AS x FROM range(1)", "1"),
    "aggregates": lambda n: ("SELECT " + " , ".join(f"sum(id + {i})" for i in range(n))
                             + " FROM range(1)", None),
    "values": lambda n: ("SELECT count(*) FROM VALUES " + ", ".join(f"({i})" for i in range(n)),
                         str(n)),
    "dotted name": lambda n: ("SELECT x" + ".a" * n + " FROM VALUES (1) t(y)", "UNRESOLVED_COLUMN"),
    "names of a subquery": lambda n: (
        "SELECT " + ", ".join(f"c{i}" for i in range(n)) + " FROM (SELECT "
        + ", ".join(f"{i} AS C{i}" for i in range(n)) + ")", None),
    "in of casts": lambda n: ("SELECT count(*) FROM range(9) WHERE id IN ("
                              + ", ".join(str(i) for i in range(n)) + ")", "9"),
    "map": lambda n: ("SELECT size(map(" + ", ".join(f"{i}, 1" for i in range(n)) + "))", str(n)),
}
DEEP = {
    "parentheses": lambda n: "SELECT " + "(" * n + "1" + ")" * n,
    "functions": lambda n: "SELECT " + "abs(" * n + "1" + ")" * n,
    "case": lambda n: "SELECT " + "CASE WHEN true THEN " * n + "1" + " END" * n,
    "not": lambda n: "SELECT " + "NOT " * n + "true",
    "plus": lambda n: "SELECT " + " + ".join(["1"] * n),
    "casts": lambda n: "SELECT 1" + "::int" * n,
    "subscripts": lambda n: "SELECT a" + "[0]" * n + " FROM VALUES (array(1)) t(a)",
    "subqueries": lambda n: "SELECT * FROM (" * n + "SELECT 1 AS a" + ")" * n,
    "ctes": lambda n: "WITH c AS (" * n + "SELECT 1 AS a" + ") SELECT * FROM c" * n,
    "union": lambda n: " UNION ALL ".join(["SELECT 1 AS a"] * n),
    "joins": lambda n: "SELECT count(*) FROM range(1) t0" + "".join(
        f" JOIN range(1) t{i} ON t{i}.id = t0.id" for i in range(1, n)),
    "types": lambda n: "SELECT CAST(NULL AS " + "array<" * n + "int" + ">" * n + ")",
}


def small_stack():
    resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, 1 << 20))


def run(sql):
    path = os.path.join(TMP, "limits.sql")
    with open(path, "w", encoding="utf-8") as out:
        out.write(sql)
    done = subprocess.run([HEADRACE, "sql", "--format", "csv", "--file", path], timeout=120,
                          capture_output=True, text=True, preexec_fn=small_stack, check=False)
    return done.returncode, done.stdout, done.stderr


os.makedirs(TMP, exist_ok=True)
for name, make in LONG.items():
    for n in (300, 5000):
        sql, want = make(n)
        status, out, said = run(sql)
        last = out.splitlines()[-1] if out else ""
        good = want in said if status == 1 else want is None or last == want
        if status not in (0, 1) or not good:
            failures.append(f"{name} of {n}: status {status}, {last[:80]} {said[:200]}")
for name, make in DEEP.items():
    for n in (390, 950, 5000, 100000):
        status, out, said = run(make(n))
        if status != 0 and (status != 1 or not ("HR_LIMIT" in said or "INVALID_EXTRACT" in said)):
            failures.append(f"{name}, {n} deep: status {status} {said[:200]}")

for line in failures:
    print(line)
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
