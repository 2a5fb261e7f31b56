#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files that PyArrow writes, of random values of every type and nesting, in every encoding, codec
and page version, read as PyArrow reads them; damaged ones are an error or the same rows, never a
crash. The seed is printed; HR_SEED repeats a run.
"""

import os
import random
import sys

import parquet_files as pf

pf.enter("pyarrow")
import pyarrow.parquet as pq  # noqa: E402

TMP = os.environ["HR_TMP"]
SEED = int(os.environ.get("HR_SEED", str(random.randrange(1 << 30))))
ENCODINGS = {
    "i32": "DELTA_BINARY_PACKED", "i64": "DELTA_BINARY_PACKED", "i8": "DELTA_BINARY_PACKED",
    "s": "DELTA_BYTE_ARRAY", "bin": "DELTA_LENGTH_BYTE_ARRAY", "few": "DELTA_LENGTH_BYTE_ARRAY",
    "f": "BYTE_STREAM_SPLIT", "d": "BYTE_STREAM_SPLIT", "b": "RLE", "fix": "DELTA_BYTE_ARRAY",
    "d38": "BYTE_STREAM_SPLIT", "u64": "BYTE_STREAM_SPLIT", "tu": "DELTA_BINARY_PACKED",
    "l.list.element": "DELTA_BINARY_PACKED", "st.x": "BYTE_STREAM_SPLIT",
    "ll.list.element.list.element": "DELTA_BYTE_ARRAY"}
WAYS = {
    "plain": dict(use_dictionary=False, compression="none"),
    "dictionary": dict(compression="snappy", row_group_size=500),
    "falls_back": dict(compression="gzip", dictionary_pagesize_limit=2000, data_page_size=1000),
    "v2": dict(compression="zstd", data_page_version="2.0", data_page_size=500,
               write_page_checksum=True),
    "encodings": dict(use_dictionary=False, column_encoding=ENCODINGS, compression="lz4",
                      row_group_size=777),
    "encodings_v2": dict(use_dictionary=False, column_encoding=ENCODINGS, compression="none",
                         data_page_version="2.0", data_page_size=700),
    "old": dict(version="1.0", use_deprecated_int96_timestamps=True, compression="snappy",
                use_compliant_nested_type=False),
    "integer_decimals": dict(store_decimal_as_integer=True, write_page_index=True,
                             compression="zstd", data_page_size=3000)}


def damage(rng, data):
    """Some bytes changed, or the end cut off."""
    data = bytearray(data)
    kind = rng.randrange(4)
    if kind == 0:
        return data[:rng.randrange(len(data))]
    at = rng.randrange(len(data))
    if kind == 1:                              # the footer is small: hit it more often
        at = len(data) - 1 - rng.randrange(min(len(data), 4000))
    for i in range(rng.choice([1, 1, 4])):
        data[(at + i) % len(data)] ^= rng.choice([1, 0x80, rng.randrange(1, 256)])
    return data


def test_damage(rng, path):
    with open(path, "rb") as file:
        whole = file.read()
    bad = os.path.join(TMP, "damaged.parquet")
    for _ in range(40):
        with open(bad, "wb") as file:
            file.write(damage(rng, whole))
        result = pf.headrace(f"CREATE TABLE p USING parquet OPTIONS (path '{bad}');"
                             f"SELECT * FROM p", "--set", "headrace.memory=1g")
        if result.returncode < 0 or result.returncode > 2 or "INTERNAL" in result.stderr:
            sys.exit(f"{path}: status {result.returncode}: {result.stderr}")


def main():
    print("HR_SEED=%d" % SEED)
    rng = random.Random(SEED)
    for nulls in (0.2, 0.0, 0.95):
        table = pf.table(rng, rng.choice([1, 1500, 2100]), nulls)
        want = pf.expected(table.to_pylist())
        for way, options in WAYS.items():
            path = os.path.join(TMP, f"{way}.parquet")
            pq.write_table(table, path, **options)
            wrong = pf.differences(pf.read(path), want)
            if wrong:
                sys.exit(f"{way}, {nulls} NULLs: {wrong}")
            some = rng.sample(["i32", "s", "few", "l", "ll", "st", "ls", "b", "d"], 3)
            got = pf.read(path, select=", ".join(some))
            wrong = pf.differences(got, [{name: row[name] for name in some} for row in want])
            if wrong:
                sys.exit(f"{way}, {some} alone: {wrong}")
    test_damage(rng, os.path.join(TMP, "dictionary.parquet"))
    test_damage(rng, os.path.join(TMP, "encodings_v2.parquet"))
    print("all equal")


main()
