#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""headrace checkpoint show|verify: of one query, and of a folder of several; verify finds what is
damaged or does not agree, says all of it, and has status 1 then."""
import json
import os
import shutil
import subprocess
import sys

HEADRACE = os.environ["HEADRACE"]
TMP = os.path.join(os.path.abspath(os.environ["HR_TMP"]), "command")
failures = []


def call(*args):
    ended = subprocess.run([HEADRACE, *args], cwd=TMP, stdin=subprocess.DEVNULL, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=100)
    return ended.returncode, ended.stdout, ended.stderr


def check(what, ok, said):
    if not ok:
        failures.append(f"{what}: {said}")


def write(name, text):
    path = os.path.join(TMP, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


def damage(path):
    with open(os.path.join(TMP, path), "r+b") as data:
        data.seek(20)
        byte = data.read(1)[0]
        data.seek(20)
        data.write(bytes([byte ^ 4]))


for number in range(3):
    write(f"in/{number}.json",
          "".join(f'{{"k":{i},"n":"{i * number:040}"}}\n' for i in range(20000)))
write("job.sql", """
CREATE TABLE s (k INT, n STRING) USING json OPTIONS (path 'in', maxFilesPerTrigger '1');
CREATE STREAMING TABLE copied USING json OPTIONS (path 'out') AS SELECT k FROM STREAM s;
CREATE STREAMING TABLE counted USING noop OPTIONS (outputMode 'update') AS
  SELECT n, count(*) AS c FROM STREAM s GROUP BY n;
""")
ran = call("run", "job.sql", "--available-now", "--progress", "off", "--checkpoint", "cp")
check("the job", ran[0] == 0, ran)
shown = call("checkpoint", "show", "cp")
queries = [json.loads(line) for line in shown[1].splitlines()]
check("the queries", [(q["name"], q["committedEpoch"]) for q in queries] ==
      [("copied", 2), ("counted", 2)], shown)
check("their parts", queries and queries[0]["sink"].startswith("json file:/") and
      queries[0]["sources"].startswith("json FileStreamSource[") and
      "count(" in queries[1]["state"], shown)
shown = call("checkpoint", "show", "cp/copied")
check("one query", [json.loads(line)["record"] for line in shown[1].splitlines()] ==
      ["META", "START"] + ["PLAN", "COMMIT"] * 3, shown)
verified = call("checkpoint", "verify", "cp")
check("whole", verified[0] == 0 and verified[1].count("whole") == 2, verified)
check("nowhere", call("checkpoint", "verify", "in")[0] == 1, "")
check("what?", call("checkpoint", "eat", "cp")[0] == 2, "")
shutil.copytree(os.path.join(TMP, "cp"), os.path.join(TMP, "saved"))
states = sorted(os.listdir(os.path.join(TMP, "cp/counted/state")))
check("there is a state file", bool(states), os.listdir(os.path.join(TMP, "cp/counted")))
for path in ["cp/copied/journal/00000000000000000001.log", "cp/copied/sources/0/log",
             "out/_spark_metadata/1"] + [f"cp/counted/state/{name}" for name in states[:1]]:
    damage(path)
    found = call("checkpoint", "verify", "cp")
    check(path, found[0] == 1 and os.path.basename(path) in found[2], found)
    damage(path)  # the same bit again
os.remove(os.path.join(TMP, "out/_spark_metadata/2"))
found = call("checkpoint", "verify", "cp/copied")
check("a manifest that is behind", found[0] == 1 and "HR_CHECKPOINT_MISMATCH" in found[2], found)
for failure in failures:
    print(failure)
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
