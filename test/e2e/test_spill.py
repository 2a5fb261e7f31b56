#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sorting and grouping of twenty times headrace.memory: the same answers as with plenty, with one
thread and with several, and no file is left. Where the folder for files cannot be written, the
query ends by name.
"""

import glob
import os
import shutil
import subprocess
import sys

HEADRACE = os.environ["HEADRACE"]
TMP = os.path.abspath(os.environ["HR_TMP"])
SPILL = os.path.join(TMP, "spill")
ROWS = 400000                                   # of about 150 bytes
INPUT = """SELECT hash(id) %% 100000 AS k, CASE WHEN id %% 7 = 0 THEN NULL ELSE id %% 1013 END AS n,
concat(repeat('x', 40), hash(id, 1)) AS s, id AS i, CAST(hash(id) AS DOUBLE) AS d FROM range(%d)"""
SORTS = ["n DESC NULLS FIRST, k", "s, i", "length(s), n NULLS LAST"]
GROUPS = {
    "groups": f"""SELECT count(*), sum(c), min(m), max(a), sum(x), sum(l) FROM (SELECT s, count(*)
        AS c, min(i) AS m, avg(d) AS a, sum(n) AS x, length(max(s)) AS l FROM ({INPUT % ROWS})
        GROUP BY s)""",
    "lists": f"""SELECT count(*), sum(z), sum(f), bit_xor(h) FROM (SELECT k, size(collect_list(i))
        AS z, first(i) AS f, hash(collect_list(i)) AS h FROM ({INPUT % ROWS}) GROUP BY k)""",
    "NULLs and one large group": f"""SELECT count(*), max(c), sum(hash(s)) FROM (SELECT IF(i % 2
        = 0, s, NULL) AS s, count(*) AS c FROM ({INPUT % ROWS}) GROUP BY 1)"""}
failures = []


def run(sql, memory, threads, tmpdir=SPILL):
    """Small batches, so that few megabytes are many batches."""
    ended = subprocess.run(
        [HEADRACE, "sql", "--format", "csv", "--set", f"headrace.memory={memory}", "--set",
         f"headrace.threads={threads}", "--set", "headrace.batchSize=512", "-e", sql],
        stdin=subprocess.DEVNULL,
        env=dict(os.environ, TMPDIR=tmpdir), capture_output=True, text=True, timeout=300)
    return ended.returncode, ended.stdout, ended.stderr


def check(what, ok, said):
    if not ok:
        failures.append(f"{what}: {said}")


def sorted_file(order, memory, threads):
    """The bytes of the file that a CREATE TABLE ... ORDER BY makes."""
    folder = os.path.join(TMP, "sorted")
    shutil.rmtree(folder, ignore_errors=True)
    status, _, said = run(f"CREATE TABLE o USING csv OPTIONS (path '{folder}') AS "
                          f"{INPUT % ROWS} ORDER BY {order}", memory, threads)
    check(order, status == 0, said)
    data = b""
    for name in sorted(glob.glob(folder + "/part-*")):
        with open(name, "rb") as file:
            data += file.read()
    return data


def main():
    os.mkdir(SPILL)
    for order in SORTS:
        want = sorted_file(order, "2g", 1)
        for threads in (1, 3):
            got = sorted_file(order, "4m", threads)
            check(f"ORDER BY {order}, {threads} threads", got == want, f"{len(got)} {len(want)}")
    for name, sql in GROUPS.items():
        status, want, said = run(sql, "2g", 1)
        check(name, status == 0, said)
        for threads in (1, 3):
            status, got, said = run(sql, "4m", threads)
            check(f"{name}, {threads} threads", status == 0 and got == want, f"{want} {got} {said}")
    check("files are left", not os.listdir(SPILL), os.listdir(SPILL))
    status, _, said = run(GROUPS["groups"], "4m", 1, os.path.join(TMP, "nowhere"))
    check("no folder", status == 1 and "nowhere" in said, said)
    for failure in failures:
        print("FAIL", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
