#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files as users leave them: byte order marks, encodings, names, spellings of paths, old backlogs,
empty archives, options, and a query whose source takes in what it writes itself."""
import json
import os
import shutil
import subprocess
import time

HEADRACE = os.environ["HEADRACE"]
TMP = os.path.join(os.path.abspath(os.environ["HR_TMP"]), "files")
failures = []


def check(what, got, expected):
    if got != expected:
        failures.append(f"{what}: {got!r} instead of {expected!r}")


def put(name, data):
    path = os.path.join(os.fsencode(TMP), os.fsencode(name))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write(data if isinstance(data, bytes) else data.encode())
    return path


def sql(text):
    ended = subprocess.run([HEADRACE, "sql", "--format", "csv", "-e", text], text=True, cwd=TMP,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)
    return ended.stdout


def run(path, sink="out", source_options=""):
    with open(os.path.join(TMP, "job.sql"), "w", encoding="utf-8") as out:
        out.write(f"CREATE TABLE src (id BIGINT) USING json OPTIONS (path '{path}'"
                  f"{source_options});\nCREATE STREAMING TABLE dst USING json OPTIONS ("
                  f"path '{sink}') AS SELECT id FROM STREAM src;\n")
    ended = subprocess.run([HEADRACE, "run", f"{TMP}/job.sql", "--available-now", "--progress",
                            "off", "--checkpoint", f"{TMP}/cp"], text=True, cwd=TMP, timeout=100,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return ended.returncode, ended.stdout


def ids(sink="out"):
    said = sql(f"CREATE TEMPORARY VIEW o (id BIGINT) USING json OPTIONS (path '{sink}');"
               "SELECT id FROM o ORDER BY id")
    return [int(line) for line in said.split() if line.isdigit()]


def afresh():
    shutil.rmtree(TMP, ignore_errors=True)
    os.makedirs(TMP)


def test_reading():
    put("head.csv", b"\xef\xbb\xbfid,name\n1,a\n")
    put("plain.csv", b"\xef\xbb\xbf1,a\n")
    put("quoted.csv", b'\xef\xbb\xbf"x, y",1\n')
    put("a.json", b'\xef\xbb\xbf{"a":1}\n')
    put("a.txt", b"\xef\xbb\xbfone\n")
    put("latin1.csv", b"1,caf\xe9\n")
    put("u16.csv", b"\xff\xfe" + "1,\u00e9\n2,b\n".encode("utf-16-le"))
    put("u16.json", '{"a":"\u00e9"}\n'.encode("utf-16-le"))
    put("null.json", '{"a":null,"b":1}\n')
    put("ts.json", '{"t":"2024-01-02T03:04:05Z"}\n')
    put("glob/a.json", '{"a":1}\n')
    put("glob/b.txt", '{"a":2}\n')
    put("big.csv", "id\n99999999999999999999\n")
    put("big.json", '{"id":9223372036854775808}\n{"id":1}\n')
    put("case.json", '{"Id":1}\n{"id":2}\n')
    put("empty.json", '{"a":null,"c":{}}\n{"a":1}\n')
    put("two/1.csv", "a,b\n1,2\n")
    put("two/2.csv", "a,b\nx,2.5\n")
    for n in range(12):
        put(f"many/{n:02}.json", '{"a":1}\n' if n else '{"a":1.5,"z":"x"}\n')
    for what, table, query, expected in (
            ("mark, names", "csv OPTIONS (path 'head.csv', header 'true')", "id", "id\n1\n"),
            ("mark", "(id INT, n STRING) csv OPTIONS (path 'plain.csv')", "*", "id,n\n1,a\n"),
            ("mark, quote", "(s STRING, n INT) csv OPTIONS (path 'quoted.csv')", "*",
             's,n\n"x, y",1\n'),
            ("mark, json", "json OPTIONS (path 'a.json')", "*", "a\n1\n"),
            ("mark, text", "text OPTIONS (path 'a.txt')", "value, length(value) n",
             "value,n\none,3\n"),
            ("latin1", "(i INT, n STRING) csv OPTIONS (path 'latin1.csv', encoding 'ISO-8859-1')",
             "*", "i,n\n1,caf\u00e9\n"),
            ("utf-16", "(i INT, n STRING) csv OPTIONS (path 'u16.csv', encoding 'UTF-16', "
             "multiLine 'true')", "*", "i,n\n1,\u00e9\n2,b\n"),
            ("utf-16le", "(a STRING) json OPTIONS (path 'u16.json', encoding 'UTF-16LE')", "*",
             "a\n\u00e9\n"),
            ("dropFieldIfAllNull", "json OPTIONS (path 'null.json', dropFieldIfAllNull 'true')",
             "*", "b\n1\n"),
            ("inferTimestamp", "json OPTIONS (path 'ts.json', inferTimestamp 'true')",
             "typeof(t) y", "y\ntimestamp\n"),
            ("pathGlobFilter", "(a INT) json OPTIONS (path 'glob', pathGlobFilter '*.json')", "*",
             "a\n1\n"),
            ("modifiedAfter", "(a INT) json OPTIONS (path 'glob', modifiedAfter "
             "'2100-01-01T00:00:00')", "*", "a\n"),
            ("modifiedBefore", "(a INT) json OPTIONS (path 'glob', modifiedBefore "
             "'2000-01-01T00:00:00')", "*", "a\n"),
            ("big csv", "csv OPTIONS (path 'big.csv', header 'true', inferSchema 'true')", "id",
             "id\n99999999999999999999\n"),
            ("big json", "json OPTIONS (path 'big.json')", "id", "id\n9223372036854775808\n1\n"),
            ("keys by case", "json OPTIONS (path 'case.json')", "count(*) n", "n\n2\n"),
            ("empty struct", "json OPTIONS (path 'empty.json')", "*", "a\n\n1\n"),
            ("two files", "csv OPTIONS (path 'two', header 'true', inferSchema 'true')",
             "a, b", "a,b\n1,2.0\nx,2.5\n"),
            ("many files", "json OPTIONS (path 'many')", "max(a) a, max(z) z", "a,z\n1.5,x\n")):
        columns, _, rest = table.rpartition(") ") if table.startswith("(") else ("", "", table)
        if columns:
            columns, rest = table[:table.index(") ") + 1], table[table.index(") ") + 2:]
        got = sql(f"CREATE TABLE t {columns} USING {rest}; SELECT {query} FROM t")
        check(what, sorted(got.splitlines()[1:]), sorted(expected.splitlines()[1:]))
    said = sql("CREATE TABLE t (a DATE) USING json OPTIONS (path 'a.json', locale 'fr-FR');"
               "SELECT * FROM t")
    check("locale: " + said, "HR_INVALID_OPTION" in said, True)


def test_backlog():
    for n in range(1, 21):
        path = put(f"in/f{n}.json", f'{{"id":{n}}}\n')
        old = time.time() - (40 - n) * 86400
        os.utime(path, (old, old))
    check("an old backlog", run("in", source_options=", maxFilesPerTrigger '1'")[0], 0)
    check("its rows", ids(), list(range(1, 21)))


def test_spellings():
    put("in/a.json", '{"id":1}\n')
    for path in ("in", "./in/", f"{TMP}/in", f"file:{TMP}/in", f"{TMP}/../files/in", "in/*.json"):
        status, said = run(path, f"{TMP}/out")
        check(f"{path}: {said}", status in (0, 1) and (status == 0 or "MISMATCH" in said), True)
        check(f"rows after {path}", ids(), [1])


def test_manifests():
    put("in/a.json", '{"id":1}\n')
    for sink, uri in (("rel", "rel"), ("a b", "a%20b"), ("x#y", "x%23y"), ("p%20q", "p%2520q")):
        shutil.rmtree(f"{TMP}/cp", ignore_errors=True)
        check(f"sink {sink}", run("in", sink), (0, ""))
        with open(f"{TMP}/{sink}/_spark_metadata/0", encoding="utf-8") as manifest:
            entry = json.loads(manifest.read().splitlines()[1])
        check(f"uri of {sink}", entry["path"].rpartition("/")[0], f"file://{TMP}/{uri}")
        check(f"rows of {sink}", ids(sink), [1])


def test_odd_names():
    put("in/a.json.gz", b"")
    put(b"in/caf\xe9.json", '{"id":1}\n')
    put("in/a\tb.json", '{"id":2}\n')
    put("in/plain.json", '{"id":3}\n')
    os.mkfifo(f"{TMP}/in/p.json")
    for _ in range(3):
        check("odd names", run("in"), (0, ""))
    check("rows of odd names", ids(), [1, 2, 3])


def test_own_output():
    """A source that takes in what the query writes is refused; one that does not is not."""
    recursive = ", recursiveFileLookup 'true'"
    for path, sink, options, refused in (
            ("in", "in/out", recursive, True), ("in", "in", "", True), ("*", "out", "", True),
            ("*/*.json", "out", "", True), ("in/*", "in/out", "", True), ("in", "in/k=1", "", True),
            ("{in,out}", "out", "", True), (".", ".", recursive, True),
            ("in", "in/out", "", False), ("in", "in/_out", recursive, False),
            ("in", "in/.out", recursive, False), ("in/*.json", "in/out", "", False),
            ("*/*.jsonl", "out", "", False),
            ("in", "in/out", recursive + ", pathGlobFilter 'f*'", False),
            ("i*", "out", "", False), ("in", "inside", recursive, False)):
        afresh()
        put("in/f.json", '{"id":1}\n')
        put("in/f.jsonl", '{"id":1}\n')
        status, said = run(path, sink, options)
        check(f"{path} → {sink}{options}: {said}",
              (status, "HR_INVALID_OPTION" in said), (int(refused), refused))


for test in (test_reading, test_backlog, test_spellings, test_manifests, test_odd_names,
             test_own_output):
    afresh()
    test()
for failure in failures:
    print(failure)
print(f"{len(failures)} failures")
raise SystemExit(1 if failures else 0)
