#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/LEARNING.md run, and give the rows that stand below them.

"```sql" is a piece of one session; the "```rows" behind it are the rows of its last query, in the
form of the .test files.
"""
import json
import os
import re
import shutil
import subprocess
import sys

HEADRACE, TMP = os.environ["HEADRACE"], os.environ["HR_TMP"]
ROOT = os.environ.get("HR_ROOT", os.path.join(os.path.dirname(__file__), "..", ".."))


def blocks():
    with open(os.path.join(ROOT, "docs", "LEARNING.md"), encoding="utf-8") as page:
        return re.findall(r"^```(\w+)\n((?:.*\n)*?)```$", page.read(), re.M)


def results(sql):
    shutil.rmtree(os.path.join(TMP, "spark-warehouse"), ignore_errors=True)
    done = subprocess.run([HEADRACE, "sql", "--format", "results", "-e", sql], cwd=TMP,
                          capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        sys.exit(done.stdout[-1000:] + done.stderr[-2000:])
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def main():
    session, examples, bad = "", 0, 0
    for kind, text in blocks():
        if kind == "sql":
            session += text
        elif kind == "rows":
            examples += 1
            rows = results(session)[-1]["rows"]
            got = "".join("|".join("NULL" if v is None else str(v) for v in r) + "\n" for r in rows)
            if got != text:
                bad += 1
                print(f"behind\n{session}\nstands\n{text}\nbut it gives\n{got}")
    if not examples:
        sys.exit("no examples found")
    results(session)
    print(f"{examples} examples, {bad} of them wrong")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
