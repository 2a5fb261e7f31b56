#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""headrace.memory of a job: a query whose state outgrows it stops by name, keeps what it has
committed and goes on with more; huge values of single functions end by name as well, and far below
what they would have taken."""
import os
import resource
import subprocess
import sys

HEADRACE = os.environ["HEADRACE"]
TMP = os.path.join(os.path.abspath(os.environ["HR_TMP"]), "memory")
KEYS, FILES = 60000, 4
JOB = """
CREATE TABLE s (k STRING, v BIGINT) USING json OPTIONS (path 'in', maxFilesPerTrigger '1');
CREATE STREAMING TABLE o USING memory OPTIONS (outputMode 'complete') AS
  SELECT k, %s AS n FROM STREAM s GROUP BY k;
SELECT count(*), sum(n) FROM o;
"""
# The sanitizers reserve terabytes of addresses.
LIMITS = os.environ.get("HR_SANITIZER", "none") == "none"
failures = []


def write_input():
    os.makedirs(os.path.join(TMP, "in"))
    for f in range(FILES):
        with open(os.path.join(TMP, "in", f"{f}.json"), "w", encoding="ascii") as out:
            for i in range(f * KEYS // FILES, (f + 1) * KEYS // FILES):
                out.write('{"k":"%0100d","v":1}\n' % i)


def headrace(*args, limit=None):
    def bound():
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    ended = subprocess.run([HEADRACE, *args], cwd=TMP, stdin=subprocess.DEVNULL, timeout=200,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           preexec_fn=bound if limit and LIMITS else None)
    return ended.returncode, ended.stdout, ended.stderr


def run(aggregate, memory):
    with open(os.path.join(TMP, "job.sql"), "w", encoding="ascii") as out:
        out.write(JOB % aggregate)
    name = "".join(c for c in aggregate if c.isalpha())
    return headrace("run", "job.sql", "--available-now", "--progress", "off", "--checkpoint",
                    f"cp-{name}", "--set", f"headrace.memory={memory}")


def check(what, ok, said):
    if not ok:
        failures.append(f"{what}: {said}")


def test_state():
    for aggregate in ("count(*)", "size(collect_list(v))"):
        status, _, said = run(aggregate, "8m")
        where = "Aggregate" in said or "rows of the sink" in said
        check(aggregate, status == 1 and "HR_MEMORY_LIMIT" in said and "query o" in said and
              where and "8388608" in said and "headrace.memory" in said, said)
        status, out, said = run(aggregate, "9m")
        check(f"{aggregate}, hardly more", status == 1 and "HR_MEMORY_LIMIT" in said, said)
        status, out, said = run(aggregate, "300m")
        check(f"{aggregate}, with more", status == 0 and out.count(str(KEYS)) == 2, out + said)


def test_values():
    gigabytes = 2000000000
    for value in ("array_repeat(1, 2147483647)", "array_repeat(array(1, 2), 1000000000)",
                  "repeat('x', 100000000)", "collect_list(repeat('x', 1000))",
                  "listagg(repeat('x', 1000))", "collect_set(id || repeat('x', 1000))",
                  "max(id || repeat('x', 40000000))", "percentile(id, 0.5)",
                  "sequence(1, 9000000)", "split(repeat('x,', 4000000), ',')"):
        status, _, said = headrace("sql", "--set", "headrace.memory=16m", "-e",
                                   f"SELECT {value} FROM range(5000000)", limit=gigabytes)
        named = "HR_MEMORY_LIMIT" in said and "headrace.memory" in said
        # the count that an array may have is a limit of its own, and comes before the budget
        own = "COLLECTION_SIZE_LIMIT_EXCEEDED" in said and value.startswith("array_repeat")
        check(value, status == 1 and (named or own or "HR_LIMIT" in said), said)


def test_settings():
    status, out, said = headrace("sql", "--set", "headrace.memory=64m", "-e", "SET headrace.memory")
    check("SET", status == 0 and "64m" in out, out + said)
    status, out, said = headrace("sql", "-e", "SET headrace.memory", limit=400 << 20)
    check("ulimit -v", not LIMITS or status == 0 and str((400 << 20) // 4 * 3) in out, out + said)
    for wrong in ("0", "12", "x", "900000t", "1000g"):
        status, _, said = headrace("sql", "--set", f"headrace.memory={wrong}", "-e", "SELECT 1",
                                   limit=1 << 30)
        check(wrong, status != 0 and "headrace.memory" in said, said)


def main():
    write_input()
    test_state()
    test_values()
    test_settings()
    for failure in failures:
        print("FAIL", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
