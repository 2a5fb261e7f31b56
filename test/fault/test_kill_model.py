#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A model that learns from a stream while another query scores with it: kill -9 at random moments.

Each file is an epoch. At the end the model must be, to the last digit, what one run without a kill
makes of the same files; every row must have been scored once, all rows of a file by one version,
and with the probability that this version gives (computed here, by the same rules in Python).
KILLS, default 12; the seed is printed, HR_SEED repeats a run.
"""
import json
import math
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ["HR_ROOT"], "test"))
from sink_files import committed  # noqa: E402

HEADRACE, TMP = os.environ["HEADRACE"], os.environ["HR_TMP"]
KILLS = int(os.environ.get("KILLS", "12"))
SEED = int(os.environ.get("HR_SEED", str(random.randrange(1 << 30))))
FILES, ROWS, RATE = 60, 40, 0.05
IN = os.path.join(TMP, "in")


def job(name):
    out = os.path.join(TMP, name)
    path = os.path.join(TMP, name + ".sql")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"""
CREATE TABLE rows_in (id BIGINT, a DOUBLE, b DOUBLE, label INT)
  USING json OPTIONS (path '{IN}', maxFilesPerTrigger '1');
CREATE MODEL m USING logistic_regression OPTIONS (optimizer 'sgd', learningRate '{RATE}');
CREATE FLOW learn AS TRAIN MODEL m ON SELECT a, b, label FROM STREAM rows_in;
CREATE STREAMING TABLE scored USING json OPTIONS (path '{out}') AS
  SELECT id, a, b, predict(m, a, b) AS p, model_version(m) AS v FROM STREAM rows_in;
EXPORT MODEL m TO '{out}.json';
""")
    return path


def write_files(rng):
    os.makedirs(IN)
    rows = []
    for number in range(FILES):
        with open(os.path.join(IN, f"part-{number:05d}.json"), "w", encoding="utf-8") as file:
            for i in range(ROWS):
                a, b = rng.gauss(0, 2), rng.gauss(1, 3)
                row = {"id": number * ROWS + i, "a": a, "b": b,
                       "label": int(rng.random() < 1 / (1 + math.exp(b - a)))}
                rows.append(row)
                file.write(json.dumps(row) + "\n")
    return rows


def start(name, *options):
    with open(os.path.join(TMP, name + ".log"), "ab") as log:
        return subprocess.Popen(
            [HEADRACE, "run", os.path.join(TMP, name + ".sql"), "--checkpoint",
             os.path.join(TMP, name + ".checkpoint"), "--ui", "off", "--progress", "off",
             "--available-now", *options], stdout=log, stderr=log)


def scored(name):
    return sorted(committed(os.path.join(TMP, name)), key=lambda row: row["id"])


def sigmoid(z):
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def versions(rows):
    """Scorers by version: after each file, a function of the features."""
    n, mean, m2, w, bias = 0, [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], 0.0
    made = [None]
    for at, row in enumerate(rows):
        n += 1
        x = []
        for j, v in enumerate((row["a"], row["b"])):
            delta = v - mean[j]
            mean[j] += delta / n
            m2[j] += delta * (v - mean[j])
            x.append((v - mean[j]) / math.sqrt(m2[j] / n) if m2[j] > 0 else 0.0)
        error = sigmoid(w[0] * x[0] + w[1] * x[1] + bias) - row["label"]
        w = [w[j] - RATE * error * x[j] for j in range(2)]
        bias -= RATE * error
        if at % ROWS == ROWS - 1:
            made.append((list(mean), [math.sqrt(v / n) for v in m2], list(w), bias))
    return made


def check_scores(name, rows):
    got, made, bad = scored(name), versions(rows), 0
    if [row["id"] for row in got] != list(range(FILES * ROWS)):
        return f"{name}: {len(got)} rows scored, {FILES * ROWS} wanted, each once"
    seen = set()
    for row in got:
        first = got[row["id"] // ROWS * ROWS]
        if row["v"] != first["v"]:
            return f"{name}: rows of one epoch scored by versions {first['v']} and {row['v']}"
        seen.add(row["v"])
        if row["v"] == 0:
            bad += row.get("p") is not None
            continue
        mean, std, w, bias = made[row["v"]]
        z = bias + sum(w[j] * (row[k] - mean[j]) / std[j] for j, k in enumerate("ab"))
        bad += abs(sigmoid(z) - row["p"]) > 1e-9
    return f"{name}: {bad} rows with another score than their version gives" if bad else None


def main():
    print(f"HR_SEED={SEED}")
    rng = random.Random(SEED)
    rows = write_files(rng)
    job("whole")
    job("killed")
    if start("whole").wait(timeout=120):
        sys.exit(open(os.path.join(TMP, "whole.log"), encoding="utf-8").read()[-2000:])
    kills = 0
    for _ in range(KILLS):
        process = start("killed")
        try:
            process.wait(timeout=rng.uniform(0.005, 0.06))
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        time.sleep(0.01)
    if start("killed").wait(timeout=120):
        sys.exit(open(os.path.join(TMP, "killed.log"), encoding="utf-8").read()[-2000:])
    models = []
    for name in ("whole", "killed"):
        with open(os.path.join(TMP, name + ".json"), encoding="utf-8") as file:
            models.append(file.read())
        wrong = check_scores(name, rows)
        if wrong:
            sys.exit(wrong)
    if models[0] != models[1]:
        sys.exit(f"after {kills} kills another model:\n{models[0]}\n{models[1]}")
    print(f"{kills} kills, version {json.loads(models[0])['version']}: the same model")


if __name__ == "__main__":
    main()
