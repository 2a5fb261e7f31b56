#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files that Spark 4.3 wrote (parquet/spark_*.parquet: with writeLegacyFormat and INT96, with pages
of version 2, with Hadoop's LZ4, with milliseconds) give Spark's rows. Needs nothing else.

Made by: CREATE TABLE ... USING parquet AS SELECT id, CAST(id AS DECIMAL(7,2)) d7 ... FROM range(5).
"""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def want(i, millis):
    return {"id": i, "d7": float(i), "d15": -float(i), "d30": float(i), "a": [i, None, i + 1],
            "aa": [[i], None], "m": {"k": i}, "t": {"x": i, "y": [{"z": "deep"}]},
            "ts": "2024-01-31 12:34:56.789" + ("" if millis else "012"),
            "n": "1900-01-01 00:00:00", "dt": "1600-01-01", "s": f"s{i}", "b": i % 2 == 0, "y": i,
            "bi": "0102", "asx": [{"q": i}]}


def main():
    for name in ("legacy", "lz4", "millis", "v2"):
        path = os.path.join(HERE, "parquet", f"spark_{name}.parquet")
        sql = (f"CREATE TABLE p USING parquet OPTIONS (path '{path}');"
               "SELECT id, d7, d15, d30, a, aa, m, t, CAST(ts AS STRING) ts, CAST(n AS STRING) n, "
               "CAST(dt AS STRING) dt, s, b, y, hex(bi) bi, asx FROM p ORDER BY id")
        result = subprocess.run([os.environ["HEADRACE"], "sql", "--format", "json", "-e", sql],
                                capture_output=True, text=True)
        rows = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
        expected = [want(i, name == "millis") for i in range(5)]
        if rows != expected:
            sys.exit(f"{name}: {result.stderr} {rows} for {expected}")


main()
