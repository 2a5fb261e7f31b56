#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/STREAMING.md run, and write the rows that stand below them.

"```json PATH" is an input file, "```sql tables" goes before each example; another "```sql" is an
example, which writes to a folder out/NAME, and the "```json" behind it the rows, in any order.
"""

import json
import os
import re
import subprocess
import sys

HEADRACE = os.environ["HEADRACE"]
TMP = os.environ["HR_TMP"]
ROOT = os.environ.get("HR_ROOT", os.path.join(os.path.dirname(__file__), "..", ".."))


def blocks():
    with open(os.path.join(ROOT, "docs", "STREAMING.md"), encoding="utf-8") as page:
        return re.findall(r"^```(\w+) ?(.*)\n((?:.*\n)*?)```$", page.read(), re.M)


def rows_in(folder):
    rows = []
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        if name.endswith(".json"):
            with open(os.path.join(folder, name), encoding="utf-8") as lines:
                rows += [line.strip() for line in lines]
    return sorted(rows)


def run_example(tables, sql):
    """The rows that it wrote, or None and a message."""
    out = re.search(r"'(out/\w+)'", sql)
    if not out:
        return None, "it names no folder out/NAME"
    job = os.path.join(TMP, "job.sql")
    with open(job, "w", encoding="utf-8") as file:
        file.write(tables + sql)
    checkpoint = out[1].replace("out", "checkpoint", 1)
    done = subprocess.run(
        [HEADRACE, "run", job, "--checkpoint", checkpoint, "--available-now", "--ui", "off",
         "--progress", "off"],
        cwd=TMP, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        return None, done.stderr[-2000:]
    return rows_in(os.path.join(TMP, out[1])), None


def main():
    tables, sql, examples, bad = "", None, 0, 0
    for kind, path, text in blocks():
        if kind == "json" and path:
            full = os.path.join(TMP, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
        elif kind == "sql" and path == "tables":
            tables += text
        elif kind == "sql":
            sql = text
        elif kind == "json" and sql:
            got, why = run_example(tables, sql)
            want = sorted(line for line in text.splitlines() if line)
            if why or [json.loads(r) for r in got] != [json.loads(r) for r in want]:
                bad += 1
                print(f"{sql}\n  want {want}\n  got  {got} {why or ''}")
            sql = None
            examples += 1
    if examples == 0:
        sys.exit("docs/STREAMING.md has no example")
    sys.exit(1 if bad else 0)


main()
