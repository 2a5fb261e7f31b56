#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Spark's streaming learners, batch after batch: centres and weights equal those that PySpark 4.3's
pyspark.mllib gave for the same batches (recorded in learning_spark.json) within 1e-12; the factors
of ALS, which are FLOATs, those of pyspark.ml.recommendation within 1e-5.

A batch is a TRAIN MODEL statement; parameters are read from EXPORT MODEL.
"""
import json
import os
import subprocess
import sys

HEADRACE, TMP = os.environ["HEADRACE"], os.environ["HR_TMP"]
HERE = os.path.dirname(os.path.abspath(__file__))
LINEAR, LOGISTIC = ("streaming_linear_regression_with_sgd",
                    "streaming_logistic_regression_with_sgd")
CENTERS = "'0,0; 5,5; 9,-3'"
# recorded run: kind, options
RUNS = {
    "kmeans_batches_0.7": ("kmeans", f"k '3', initialCenters {CENTERS}, initialWeights '1,1,1', "
                                     "decayFactor '0.7'"),
    "kmeans_points_0.9": ("kmeans", f"k '3', initialCenters {CENTERS}, initialWeights '1,1,1', "
                                    "decayFactor '0.9', timeUnit 'points'"),
    "kmeans_1": ("kmeans", f"k '3', initialCenters {CENTERS}"),
    "kmeans_dying": ("kmeans", "k '2', initialCenters '0,0; 1000,1000', "
                               "initialWeights '1, 1e-9', decayFactor '0.5'"),
    "linear_50_0.02": (LINEAR, "numIterations '12', stepSize '0.02', convergenceTol '0.01'"),
    "linear_25_0.02_tol0": (LINEAR, "numIterations '6', stepSize '0.02', convergenceTol '0'"),
    "linear_frac0.5": (LINEAR, "numIterations '6', stepSize '0.02', convergenceTol '0', "
                               "miniBatchFraction '0.5'"),
    "logistic_50_0.1_0": (LOGISTIC, "numIterations '12', stepSize '0.5', convergenceTol '0.02'"),
    "logistic_25_0.1_0.01": (LOGISTIC, "numIterations '8', regParam '0.01'"),
    "logistic_frac0.3": (LOGISTIC, "numIterations '6', convergenceTol '0', "
                                   "miniBatchFraction '0.3'"),
}

ALS = {
    "explicit": "rank '4', maxIter '5', seed '42', numUserBlocks '3', numItemBlocks '2'",
    "implicit": "rank '3', maxIter '4', regParam '0.05', alpha '2', implicitPrefs 'true', "
                "seed '7', numUserBlocks '1', numItemBlocks '1'",
    "one": "rank '5', maxIter '3', regParam '0.2', seed '1'",
}


def als_statements(recorded):
    values = ", ".join(f"({u}, {i}, {r!r}D)" for u, i, r in recorded["als"]["ratings"])
    sql = (f"CREATE TEMPORARY VIEW ratings AS SELECT * FROM VALUES {values} "
           "AS t(user, item, rating);\n")
    for name, options in ALS.items():
        sql += (f"CREATE MODEL {name} USING als OPTIONS ({options}) AS SELECT * FROM ratings;\n"
                f"EXPORT MODEL {name} TO '{TMP}/{name}.json';\n")
    return sql


def check_als(recorded):
    worst = 0
    for name in ALS:
        with open(os.path.join(TMP, name + ".json"), encoding="utf-8") as file:
            got = json.load(file)["parameters"]
        for ids, factors in (("users", "userFactors"), ("items", "itemFactors")):
            rank = len(got[factors]) // len(got[ids])
            for at, number in enumerate(got[ids]):
                want = recorded["als"][name][ids][str(number)]
                vector = got[factors][at * rank:(at + 1) * rank]
                worst = max(worst, max(abs(a - b) for a, b in zip(vector, want, strict=True)))
    if worst > 1e-5:
        sys.exit(f"ALS: factors differ from Spark's by {worst}")
    return worst


def statements(recorded):
    columns = {"kmeans": "a, b", LINEAR: "a, b, one, y", LOGISTIC: "a, b, one, label"}
    sql = ""
    for number, rows in enumerate(recorded["batches"]):
        values = ", ".join(f"({x[0]!r}D, {x[1]!r}D, {x[2]!r}D, {y!r}D, {label})"
                           for x, y, label in rows)
        sql += (f"CREATE TEMPORARY VIEW batch{number} AS "
                f"SELECT * FROM VALUES {values} AS t(a, b, one, y, label);\n")
    for at, name in enumerate(RUNS):
        kind, options = RUNS[name]
        sql += f"CREATE MODEL m{at} USING {kind} OPTIONS ({options});\n"
        for number in range(len(recorded["batches"])):
            sql += (f"TRAIN MODEL m{at} ON SELECT {columns[kind]} FROM batch{number};\n"
                    f"EXPORT MODEL m{at} TO '{TMP}/{at}-{number}.json';\n")
    return sql


def difference(got, want):
    return max(abs(g - w) / max(abs(w), 1e-3) for g, w in zip(got, want, strict=True))


def main():
    with open(os.path.join(HERE, "learning_spark.json"), encoding="utf-8") as file:
        recorded = json.load(file)
    path = os.path.join(TMP, "train.sql")
    with open(path, "w", encoding="utf-8") as file:
        file.write(statements(recorded) + als_statements(recorded))
    done = subprocess.run([HEADRACE, "sql", "-f", path], capture_output=True, text=True,
                          timeout=120, check=False)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    worst = 0
    for at, name in enumerate(RUNS):
        for number, want in enumerate(recorded["runs"][name]):
            with open(os.path.join(TMP, f"{at}-{number}.json"), encoding="utf-8") as file:
                got = json.load(file)["parameters"]
            if RUNS[name][0] == "kmeans":
                off = max(difference(got["centers"], [v for c in want[0] for v in c]),
                          difference(got["weights"], want[1]))
            else:
                off = difference(got["weights"], want)
            worst = max(worst, off)
            if off > 1e-12:
                sys.exit(f"{name}, batch {number}: {got}\nSpark: {want}\noff by {off}")
    print(f"{len(RUNS)} learners, largest relative difference {worst:.2g}; "
          f"ALS {check_als(recorded):.2g}")


if __name__ == "__main__":
    main()
