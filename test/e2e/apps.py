# SPDX-License-Identifier: Apache-2.0
"""What the tests of the applications share: the job of apps/NAME over files instead of generators.

The events of the generators are written to folders piece by piece; after each piece the job runs
with --available-now and the checkpoint of the run before. In some runs it is killed (SIGKILL) at a
random moment first.
"""
import json
import os
import random
import re
import subprocess
import sys
import time

HEADRACE, TMP = os.environ["HEADRACE"], os.environ["HR_TMP"]
ROOT = os.environ.get("HR_ROOT", os.path.join(os.path.dirname(__file__), "..", ".."))


def generate(name, rows, seed):
    done = subprocess.run([HEADRACE, "generate", name, "--rows", str(rows), "--seed", str(seed)],
                          capture_output=True, text=True, timeout=120, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Job:
    def __init__(self, app, tables, options=""):
        """tables: name → its columns, which stand in for those of a generator; options of files."""
        self.folder, self.kills, self.number = os.path.join(TMP, app), 0, 0
        self.random = random.Random(1)
        os.makedirs(self.folder)
        with open(os.path.join(ROOT, "apps", app, app + ".sql"), encoding="utf-8") as file:
            sql = file.read()
        for name, columns in tables.items():
            os.mkdir(os.path.join(self.folder, name))
            sql, found = re.subn(rf"CREATE TABLE {name} USING generator[^;]*;",
                                 f"CREATE TABLE {name} ({columns}) USING json "
                                 f"OPTIONS (path '{name}'{', ' + options if options else ''});",
                                 sql)
            if found != 1:
                sys.exit(f"apps/{app}/{app}.sql: no table {name} over a generator")
        with open(os.path.join(self.folder, "job.sql"), "w", encoding="utf-8") as file:
            file.write(sql)

    def feed(self, name, rows):
        if rows:
            self.number += 1
            with open(os.path.join(self.folder, name, f"{self.number:06d}.json"), "w",
                      encoding="utf-8") as file:
                file.write("".join(json.dumps(row) + "\n" for row in rows))

    def run(self, kill=False, finish=True):
        command = [HEADRACE, "run", "job.sql", "--available-now", "--checkpoint", "checkpoint",
                   "--ui", "off"]
        if kill:
            with subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as job:
                time.sleep(self.random.uniform(0.02, 0.4))
                self.kills += job.poll() is None
                job.kill()
        if not finish:
            return
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=300,
                              check=False)
        if done.returncode:
            sys.exit(done.stdout[-1000:] + done.stderr[-3000:])

    def rows(self, path):
        """What stands in an output, as its readers see it: not what a killed epoch has left."""
        done = subprocess.run([HEADRACE, "sql", "--format", "json", "-e",
                               f"CREATE TABLE t USING json OPTIONS (path '{path}'); "
                               "SELECT * FROM t"], cwd=self.folder,
                              capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            sys.exit(done.stderr[-2000:])
        return [json.loads(line) for line in done.stdout.splitlines()]


class Bars:
    def __init__(self):
        self.bad = 0

    def at_least(self, what, value, bar):
        self.bad += value < bar
        print(f"{what}: {value:.3f} (bar {bar}){' BELOW' if value < bar else ''}")

    def at_most(self, what, value, bar):
        self.bad += value > bar
        print(f"{what}: {value:.3f} (at most {bar}){' ABOVE' if value > bar else ''}")

    def equal(self, what, value, wanted):
        self.bad += value != wanted
        print(f"{what}: {value}{'' if value == wanted else f' INSTEAD OF {wanted}'}")

    def end(self):
        sys.exit(self.bad > 0)
