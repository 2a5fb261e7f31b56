# SPDX-License-Identifier: Apache-2.0
"""Random columns of every Parquet type and nesting, and what Headrace must read of them.

Used by the tests of Parquet; needs PyArrow, which enter() looks for in the Python of tools/venv,
too.
"""

import datetime
import decimal
import json
import math
import os
import struct
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EPOCH = datetime.datetime(1970, 1, 1)


def enter(*modules):
    """Goes on in a Python that has the modules; skips the test when there is none."""
    check = "; ".join("import " + module for module in modules)
    if not os.environ.get("HR_ENTERED"):
        venv = os.environ.get("HEADRACE_VENV", os.path.join(ROOT, ".venv"))
        for python in (sys.executable, os.path.join(venv, "bin", "python")):
            if os.path.exists(python) and subprocess.run(
                    [python, "-c", check], stderr=subprocess.DEVNULL).returncode == 0:
                os.environ["HR_ENTERED"] = "1"
                os.execv(python, [python] + sys.argv)
    else:
        return
    print("skipped: no Python here has " + ", ".join(modules))
    sys.exit(77)


def columns(rng):
    """name -> (PyArrow type, a function that makes a value)."""
    import pyarrow as pa

    def maybe(make, share=0.2):
        return None if rng.random() < share else make()

    def digits(precision, scale):
        context = decimal.Context(prec=60)
        return lambda: decimal.Decimal(
            rng.randint(-10**precision + 1, 10**precision - 1)).scaleb(-scale, context)

    def word():
        return "".join(rng.choice("abcdefghijklmnopqrstuvwxyzäöü€")
                       for _ in range(rng.choice([0, 1, 3, 11, 12, 13, 14, 40])))

    def octets(least, most):
        return lambda: bytes(rng.randrange(256) for _ in range(rng.randint(least, most)))

    def many(make, counts, share=0.2):
        return [maybe(make, share) for _ in range(rng.choice(counts))]

    def time():
        return EPOCH + datetime.timedelta(microseconds=rng.randint(-10**15, 10**15))

    def record():
        return {"x": maybe(lambda: rng.randint(0, 9)), "y": maybe(lambda: {
            "z": maybe(word), "w": maybe(lambda: many(lambda: rng.random() < 0.5, [0, 2], 0))})}

    def whole(bits, signed=True):
        low = -(1 << bits - 1) if signed else 0
        high = (1 << bits - signed) - 1
        return lambda: rng.choice([low, high, rng.randint(low, high), rng.randint(0, 9)])

    return {
        "b": (pa.bool_(), lambda: rng.random() < 0.5),
        "i8": (pa.int8(), whole(8)),
        "i16": (pa.int16(), whole(16)),
        "i32": (pa.int32(), whole(32)),
        "i64": (pa.int64(), whole(64)),
        "u8": (pa.uint8(), whole(8, False)),
        "u16": (pa.uint16(), whole(16, False)),
        "u32": (pa.uint32(), whole(32, False)),
        "u64": (pa.uint64(), whole(64, False)),
        "small": (pa.int32(), lambda: rng.randint(0, 9)),
        "f": (pa.float32(), lambda: struct.unpack("f", struct.pack("f", rng.gauss(0, 1e3)))[0]),
        "d": (pa.float64(), lambda: rng.choice([0.0, -0.0, math.inf, rng.gauss(0, 1)])),
        "s": (pa.string(), word),
        "few": (pa.string(), lambda: rng.choice(["red", "green", "a somewhat longer colour"])),
        "bin": (pa.binary(), octets(0, 20)),
        "fix": (pa.binary(5), octets(5, 5)),
        "d9": (pa.decimal128(9, 2), digits(9, 2)),
        "d18": (pa.decimal128(18, 4), digits(18, 4)),
        "d38": (pa.decimal128(38, 10), digits(38, 10)),
        "dt": (pa.date32(), lambda: datetime.date(1970, 1, 1) +
               datetime.timedelta(days=rng.randint(-100000, 100000))),
        "tu": (pa.timestamp("us", "UTC"), time),
        "tn": (pa.timestamp("us"), time),
        "tm": (pa.timestamp("ms", "UTC"),
               lambda: time().replace(microsecond=rng.randrange(1000) * 1000)),
        "l": (pa.list_(pa.int32()), lambda: many(lambda: rng.randint(-5, 5), [0, 0, 1, 2, 5])),
        "ll": (pa.list_(pa.list_(pa.string())),
               lambda: many(lambda: many(word, [0, 1, 3]), [0, 1, 2])),
        "st": (pa.struct([("x", pa.int64()), ("y", pa.struct(
            [("z", pa.string()), ("w", pa.list_(pa.bool_()))]))]), record),
        "m": (pa.map_(pa.string(), pa.int32()),
              lambda: [(word() + str(i), maybe(lambda: rng.randint(0, 9)))
                       for i in range(rng.choice([0, 1, 3]))]),
        "ls": (pa.list_(pa.struct([("a", pa.int32()), ("b", pa.string())])),
               lambda: many(lambda: {"a": maybe(lambda: rng.randint(0, 9)), "b": maybe(word)},
                            [0, 1, 2])),
    }


def table(rng, rows, nulls):
    import pyarrow as pa
    return pa.table({name: pa.array([None if rng.random() < nulls else make()
                                     for _ in range(rows)], kind)
                     for name, (kind, make) in columns(rng).items()})


# What makes one JSON value, the same on both sides, of each column.
SELECT = """b, i8, i16, i32, i64, u8, u16, u32, CAST(u64 AS STRING) u64, small, CAST(f AS STRING) f,
CAST(d AS STRING) d, s, few, lower(hex(bin)) bin, lower(hex(fix)) fix, CAST(d9 AS STRING) d9,
CAST(d18 AS STRING) d18, CAST(d38 AS STRING) d38, datediff(dt, DATE'1970-01-01') dt,
unix_micros(tu) tu, unix_micros(CAST(tn AS TIMESTAMP)) tn, unix_micros(tm) tm, l, ll, st,
map_entries(m) m, ls"""


def plain(value):
    """A value of PyArrow as SELECT gives it."""
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime.datetime):
        return (value.replace(tzinfo=None) - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(value, datetime.date):
        return (value - EPOCH.date()).days
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def normal(name, value):
    """A value of either side in a form that compares."""
    if value is None:
        return None
    if name == "f":
        return struct.pack("f", float(str(value).replace("Infinity", "inf")))
    if name == "d":
        value = float(str(value).replace("Infinity", "inf"))
        return value, math.copysign(1, value)
    if name == "u64":
        return int(value)
    if name in ("d9", "d18", "d38"):
        return decimal.Decimal(value)
    if name == "m":
        return [tuple(item.values()) if isinstance(item, dict) else tuple(item) for item in value]
    if isinstance(value, dict):
        return {key: normal("", item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [normal("", item) for item in value]
    return value


def expected(rows):
    return [{name: normal(name, plain(value)) for name, value in row.items()} for row in rows]


def headrace(sql, *args):
    return subprocess.run([os.environ["HEADRACE"], "sql", "--format", "json", "--set",
                           "spark.sql.session.timeZone=UTC", *args, "-e", sql],
                          capture_output=True, text=True)


def rows_of(result):
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def read(path, select=SELECT, options=""):
    """Rows of SELECT over a file, in a form that compares."""
    result = headrace(f"CREATE TABLE p USING parquet OPTIONS (path '{path}'{options});"
                      f"SELECT {select} FROM p")
    if result.returncode:
        raise AssertionError(f"{path}: {result.stderr}")
    return [{name: normal(name, value) for name, value in row.items()} for row in rows_of(result)]


def differences(got, want):
    """The first difference as text, or None."""
    if len(got) != len(want):
        return f"{len(got)} rows for {len(want)}"
    for i, (a, b) in enumerate(zip(got, want)):
        for name in b:
            if a.get(name) != b[name]:
                return f"row {i} column {name}: {a.get(name)!r} for {b[name]!r}"
    return None
