#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint is one query's: another source, window, key, aggregate or output is refused, naming
the difference; another filter, projection, name, delay or parallelism goes on. Without a named
checkpoint two jobs share nothing. SELECTs of a job wait for the streams before them."""
import os
import subprocess
import sys

HEADRACE = os.environ["HEADRACE"]
TMP = os.path.join(os.path.abspath(os.environ["HR_TMP"]), "identity")
JOB = """
CREATE TABLE s (k STRING, n INT, ts TIMESTAMP) USING json OPTIONS (path 'in');
CREATE STREAMING TABLE o USING noop OPTIONS (outputMode 'update') AS
  SELECT w.start AS a, kk, c FROM (SELECT window(ts, '1 minute') AS w, upper(k) AS kk, sum(n) AS c
  FROM STREAM s WATERMARK ts DELAY OF INTERVAL 10 SECONDS
  GROUP BY window(ts, '1 minute'), upper(k));
"""
failures = []


def write(name, text):
    path = os.path.join(TMP, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


def run(text, *args):
    write("job.sql", text)
    ended = subprocess.run([HEADRACE, "run", "job.sql", "--available-now", "--progress", "off",
                            *args], cwd=TMP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=100)
    return ended.returncode, ended.stdout, ended.stderr


def check(what, ok, said):
    if not ok:
        failures.append(f"{what}: {said}")


def change(*pairs):
    text = JOB
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def test_another_query():
    cp = ("--checkpoint", "cp")
    check("the query", run(JOB, *cp)[0] == 0, run(JOB, *cp))
    for what, text, name in (
            ("another folder", change(("'in'", "'in2'")), "in2"),
            ("another window", change(("'1 minute'", "'5 minutes'")), "300000000"),
            ("a sliding window", change(("'1 minute'", "'1 minute', '30 seconds'")), "30000000"),
            ("another key", change(("upper(k)", "lower(k)")), "lower(k)"),
            ("another aggregate", change(("sum(n)", "max(n)")), "max(int)"),
            ("another type", change(("n INT", "n DOUBLE")), "sum(double)")):
        status, _, said = run(text, *cp)
        check(what, status == 1 and "HR_CHECKPOINT_MISMATCH" in said and name in said, said)
    for what, text, extra in (
            ("a filter", change(("10 SECONDS\n", "10 SECONDS WHERE n > 0\n")), ()),
            ("other names", change(("AS kk", "AS other"), (" kk,", " other,")), ()),
            ("another projection", change(("kk, c FROM", "c + 1 AS d FROM")), ()),
            ("another delay", change(("10 SECONDS", "20 SECONDS")), ()),
            ("spelt otherwise", change(("'in'", "'./in'")), ()),
            ("another sink that keeps nothing", change(("USING noop", "USING console")), ()),
            ("parallelism", JOB, ("--set", "spark.sql.shuffle.partitions=5"))):
        ended = run(text, *cp, *extra)
        check(what, ended[0] == 0, ended)


def test_join():
    job = """
CREATE TABLE s (k STRING, n INT, ts TIMESTAMP) USING json OPTIONS (path 'in');
CREATE TABLE t (k STRING, n INT, m INT, ts TIMESTAMP) USING json OPTIONS (path 'in');
CREATE STREAMING TABLE o USING noop AS SELECT l.n AS a, r.n AS b
  FROM (SELECT * FROM STREAM s WATERMARK ts DELAY OF INTERVAL 10 SECONDS) l
  LEFT JOIN (SELECT * FROM STREAM t WATERMARK ts DELAY OF INTERVAL 10 SECONDS) r
  ON l.k = r.k AND r.ts BETWEEN l.ts AND l.ts + INTERVAL 5 SECONDS;
"""
    cp = ("--checkpoint", "cp-join")
    check("the join", run(job, *cp)[0] == 0, run(job, *cp))
    for what, old, new, name in (
            ("another type", "LEFT JOIN", "JOIN", "Inner"),
            ("another key", "l.k = r.k", "upper(l.k) = r.k", "upper(k)"),
            ("another column of the right side", "r.n AS b", "r.m AS b", "m: int"),
            ("a null-safe key", "l.k = r.k", "l.k <=> r.k", "<=>")):
        assert old in job, old
        status, _, said = run(job.replace(old, new), *cp)
        check(what, status == 1 and "HR_CHECKPOINT_MISMATCH" in said and name in said, said)
    for what, old, new, extra in (
            ("another range", "5 SECONDS", "7 SECONDS", ()),
            ("another condition", ";\n", " AND l.n <> r.n;\n", ()),
            ("another projection", "l.n AS a", "l.n + 1 AS c", ()),
            ("parallelism", "", "", ("--set", "spark.sql.shuffle.partitions=5"))):
        text = job[:-2] + job[-2:].replace(old, new) if old == ";\n" else job.replace(old, new)
        ended = run(text, *cp, *extra)
        check(what, ended[0] == 0, ended)


def test_output():
    copy = ("CREATE TABLE s (k STRING) USING json OPTIONS (path 'in');\n"
            "CREATE STREAMING TABLE o USING json OPTIONS (path '%s') AS SELECT k FROM STREAM s;\n"
            "SELECT count(*) AS rows FROM o;\n")
    ended = run(copy % "out", "--checkpoint", "cp2")
    check("SELECT behind a stream", ended[0] == 0 and "| 2|" in ended[1].replace("  ", ""), ended)
    status, _, said = run(copy % "out2", "--checkpoint", "cp2")
    check("another output", status == 1 and "HR_CHECKPOINT_MISMATCH" in said and "out2" in said,
          said)
    check("which is not made", not os.path.exists(os.path.join(TMP, "out2")), os.listdir(TMP))
    status, _, said = run("CREATE TABLE t USING json OPTIONS (path 'out') AS SELECT 1 AS x;")
    check("CREATE TABLE AS", status == 1 and "_LEGACY_ERROR_TEMP_1241" in said, said)


def test_no_checkpoint():
    before = set(os.listdir(TMP))
    text = ("CREATE TABLE s (k STRING) USING json OPTIONS (path 'in');\n"
            "CREATE STREAMING TABLE o USING json OPTIONS (path '%s') AS SELECT k FROM STREAM s;\n")
    for folder in ("one", "two"):
        status, _, said = run(text % folder)
        check("no checkpoint", status == 0 and "no checkpoint is named" in said, said)
    check("leaves", set(os.listdir(TMP)) - before == {"one", "two"}, os.listdir(TMP))


write("in/a.json", '{"k":"a","n":1,"ts":"2024-01-01T00:00:00Z"}\n{"k":"b","n":2}\n')
os.makedirs(os.path.join(TMP, "in2"))
for test in (test_another_query, test_join, test_output, test_no_checkpoint):
    test()
for failure in failures:
    print(failure)
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
