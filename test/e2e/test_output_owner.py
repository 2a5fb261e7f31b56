#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A folder that a streaming query writes is that query's: another one, a second live one, and a
batch are refused by name; takeOver appends to what is there."""
import os
import shutil
import signal
import subprocess
import sys
import time

HEADRACE = os.environ["HEADRACE"]
TMP = os.path.join(os.path.abspath(os.environ["HR_TMP"]), "owner")
failures = []


def check(what, got, expected):
    if got != expected:
        failures.append(f"{what}: {got!r} instead of {expected!r}")


def write(name, text):
    path = os.path.join(TMP, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def job(name, source, options=""):
    return write(f"{name}.sql", f"""
CREATE TABLE src (id BIGINT) USING json OPTIONS (path '{TMP}/{source}', maxFilesPerTrigger '1');
CREATE STREAMING TABLE dst USING json OPTIONS (path '{TMP}/out'{options}) AS
  SELECT id FROM STREAM src;
""")


def command(path, checkpoint, *args):
    return [HEADRACE, "run", path, "--progress", "off", "--checkpoint",
            os.path.join(TMP, checkpoint), *args]


def run(path, checkpoint):
    ended = subprocess.run(command(path, checkpoint, "--available-now"), stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=100)
    return ended.returncode, ended.stdout


def sql(text):
    ended = subprocess.run([HEADRACE, "sql", "--format", "csv", "-e", text], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)
    return ended.returncode, ended.stdout


def ids():
    status, out = sql(f"CREATE TEMPORARY VIEW o (id BIGINT) USING json OPTIONS (path '{TMP}/out');"
                      "SELECT id FROM o ORDER BY id")
    return [int(line) for line in out.split() if line.isdigit()] if status == 0 else out


def test_another_query():
    for n in range(1, 4):
        write(f"in/f{n}.json", f'{{"id":{n}}}\n')
        write(f"in2/f{n}.json", f'{{"id":{n + 10}}}\n')
    check("the first query", run(job("a", "in"), "ckA")[0], 0)
    status, said = run(job("b", "in2"), "ckB")
    check("another query: " + said, (status, "HR_OUTPUT_OWNED" in said), (1, True))
    check("rows after it", ids(), [1, 2, 3])
    check("told to take over", run(job("b", "in2", ", takeOver 'true'"), "ckB"), (0, ""))
    check("rows of both", ids(), [1, 2, 3, 11, 12, 13])
    write("in2/f4.json", '{"id":14}\n')
    check("and again, without being told", run(job("b", "in2"), "ckB"), (0, ""))
    check("rows then", ids(), [1, 2, 3, 11, 12, 13, 14])
    write("in/f4.json", '{"id":4}\n')
    status, said = run(job("a", "in"), "ckA")
    check("the old owner: " + said, (status, "HR_OUTPUT_OWNED" in said), (1, True))


def test_a_batch():
    status, said = sql(f"CREATE TABLE o (id BIGINT) USING json OPTIONS (path '{TMP}/out');"
                       "INSERT INTO o VALUES (99)")
    check("INSERT into it: " + said, (status != 0, "HR_OUTPUT_OWNED" in said), (True, True))


def test_a_copied_checkpoint():
    """Two live writers with one query's id: the second is refused while the first lives; when it
    comes later, with what the first wrote meanwhile not in its journal, it is refused for that."""
    shutil.copytree(os.path.join(TMP, "ckB"), os.path.join(TMP, "ckC"))
    live = subprocess.Popen(command(job("b", "in2"), "ckB"), stdin=subprocess.DEVNULL)
    write("in2/f5.json", '{"id":15}\n')
    end = time.monotonic() + 60
    while 15 not in ids() and time.monotonic() < end:
        time.sleep(0.05)
    status, said = run(job("b", "in2"), "ckC")
    check("while the first lives: " + said, (status, "HR_OUTPUT_BUSY" in said), (1, True))
    live.send_signal(signal.SIGINT)
    live.wait(timeout=60)
    status, said = run(job("b", "in2"), "ckC")
    check("afterwards: " + said, (status, "HR_CHECKPOINT_MISMATCH" in said), (1, True))
    check("rows", ids(), [1, 2, 3, 11, 12, 13, 14, 15])


os.makedirs(TMP)
for test in (test_another_query, test_a_batch, test_a_copied_checkpoint):
    test()
for failure in failures:
    print(failure)
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
