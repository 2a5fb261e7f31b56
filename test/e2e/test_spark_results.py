#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares Headrace's answers with those that real Spark gave (test/spark/*.results).

    test/e2e/test_spark_results.py [TOPIC...]          all topics, or those named ("casts", "joins")
    test/e2e/test_spark_results.py --show TOPIC[:N]    every disagreement (or statement N) in full
    HEADRACE=path/to/headrace                          the binary, else build/headrace

Each test/spark/TOPIC.sql is run with `headrace sql -f FILE --format results --keep-going` and
compared statement by statement: names and types of the columns, rows (in order where the
statement has an ORDER BY, else as a bag), and for errors their class.  Other parts of an error
(SQLSTATE, message, parameters, position) are compared too, but only reported as notes.

A statement in test/spark/known-differences.txt ("TOPIC:N reason", N counts from 1) may disagree.
A statement at which Headrace crashes or hangs is a disagreement; the rest of its file is run
without it.  Exit status: 0 all agree, 1 not, 77 there is no binary.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORPUS = os.path.join(ROOT, "test", "spark")
TIMEOUT_S = 120
MAX_CRASHES = 25                          # per file; then the rest counts as unanswered
PLACEHOLDER = "SELECT 'taken out'"


def find_binary():
    for name in (os.environ.get("HEADRACE"), "build/headrace"):
        if name and os.access(os.path.join(ROOT, name), os.X_OK):
            return os.path.abspath(os.path.join(ROOT, name))
    return None


def read_results(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def read_known():
    known = {}
    path = os.path.join(CORPUS, "known-differences.txt")
    if os.path.exists(path):
        for line in open(path, encoding="utf-8"):
            m = re.match(r"(\w+):(\d+)\s+(\S.*)", line)
            if m:
                known[m.group(1), int(m.group(2))] = m.group(3).strip()
            elif line.strip() and not line.startswith("#"):
                sys.exit("%s: not 'TOPIC:N reason': %s" % (path, line.strip()))
    return known


def run_once(binary, path):
    """The answers that were complete before the end, and how it ended ('' when normally)."""
    with tempfile.TemporaryDirectory(prefix="headrace-e2e.") as work:
        env = dict(os.environ, TZ="UTC")
        command = [binary, "sql", "-f", path, "--format", "results", "--keep-going"]
        how, out = "", b""
        with subprocess.Popen(command, cwd=work, env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                out, err = process.communicate(timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
                how = "no answer within %d s" % TIMEOUT_S
        if not how and process.returncode < 0:
            how = "killed by signal %d" % -process.returncode
        elif not how and process.returncode > 1:
            how = "exit status %d" % process.returncode
        if how and err:
            how += ": " + err.decode("utf-8", "replace").strip().splitlines()[-1][:200]
    answers = []
    for line in out.decode("utf-8", "replace").split("\n"):
        if not line.strip():
            continue
        try:
            answer = json.loads(line)
            if not isinstance(answer, dict) or not ("error" in answer or "columns" in answer):
                raise ValueError
            answers.append(answer)
        except ValueError:
            answers.append({"broken": line})
    return answers, how


def run_topic(binary, path, count, statements):
    """One answer a statement; {'crash': how} for those at which the process ended."""
    crashed = {}
    while True:
        if crashed:
            texts = [PLACEHOLDER if i in crashed else s for i, s in enumerate(statements)]
            with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as f:
                f.write(";\n".join(texts) + ";\n")
                f.flush()
                answers, how = run_once(binary, f.name)
        else:
            answers, how = run_once(binary, path)
        for i, why in crashed.items():
            if i < len(answers):
                answers[i] = {"crash": why}
        at = len(answers)
        if at >= count or at in crashed:
            return answers[:count], len(answers)
        if not how:
            how = "no answer"
        if how == "no answer" or how.startswith("exit status") and at == 0 \
                or len(crashed) >= MAX_CRASHES:
            return answers + [{"crash": how}] * (count - at), at
        crashed[at] = how


def has_order(sql):
    return re.search(r"\b(order|sort)\s+by\b", sql, re.I) is not None


def cut(text, length):
    return text if len(text) <= length else text[:length - 3] + "..."


def short(value):
    return cut(json.dumps(value, ensure_ascii=False), 160)


def differences(want, got):
    """What disagrees, then what is merely worth a note."""
    bad, notes = [], []
    if "crash" in got:
        return ["crash: " + got["crash"]], notes
    if "broken" in got:
        return ["not a result object: " + got["broken"][:160]], notes
    if got.get("sql") != want["sql"]:
        notes.append("text: %s" % short(got.get("sql")))
    if "error" in want:
        expected = want["error"]
        if "error" not in got:
            return ["no error, Spark has %s" % expected["class"]], notes
        actual = got["error"]
        if re.match(r"(_LEGACY_ERROR|INTERNAL_ERROR|$)", expected["class"] or ""):
            return bad, notes             # a plain Java exception: any error will do
        for key in ("class", "sqlState", "message", "parameters", "line", "column"):
            if actual.get(key) != expected.get(key):
                text = "%s: %s, Spark has %s" % (key, short(actual.get(key)), short(expected[key]))
                (bad if key == "class" else notes).append(text)
        return bad, notes
    if "error" in got:
        e = got["error"]
        return ["error %s: %s" % (e.get("class"), e.get("message"))], notes
    for key in ("name", "type"):
        actual = [c.get(key) for c in got["columns"]]
        expected = [c[key] for c in want["columns"]]
        if len(actual) != len(expected):
            bad.append("%d columns, Spark has %d" % (len(actual), len(expected)))
            break
        bad += ["column %d %s: %s, Spark has %s" % (i + 1, key, short(a), short(e))
                for i, (a, e) in enumerate(zip(actual, expected)) if a != e]
    actual, expected = got.get("rows"), want["rows"]
    if not has_order(want["sql"]):
        def by_text(rows):
            return sorted(rows or [], key=lambda r: [(v is not None, str(v)) for v in r])
        actual, expected = by_text(actual), by_text(expected)
    if actual != expected:
        if len(actual or []) != len(expected):
            bad.append("%d rows, Spark has %d" % (len(actual or []), len(expected)))
        for i, (a, e) in enumerate(zip(actual or [], expected)):
            if a != e:
                cells = [(j, x, y) for j, (x, y) in enumerate(zip(a, e)) if x != y]
                bad += ["row %d column %d: %s, Spark has %s" % (i + 1, j + 1, short(x), short(y))
                        for j, x, y in cells]
                if not cells:
                    bad.append("row %d: %s, Spark has %s" % (i + 1, short(a), short(e)))
    return bad, notes


def in_full(topic, index, reason, want, got, bad, notes):
    def answer(result):
        return json.dumps({k: v for k, v in result.items() if k != "sql"}, ensure_ascii=False)
    lines = ["\n%s:%d%s" % (topic, index, " known: " + reason if reason else ""),
             "    " + want["sql"].replace("\n", "\n    ")]
    lines += ["  ! " + b for b in bad] + ["  ~ " + n for n in notes]
    return lines + ["  Spark:    " + answer(want), "  Headrace: " + answer(got)]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topic", nargs="*")
    parser.add_argument("--show", metavar="TOPIC[:N]")
    parser.add_argument("--notes", action="store_true", help="print the notes on errors as well")
    args = parser.parse_args()
    binary = find_binary()
    if binary is None:
        print("no headrace binary: set HEADRACE")
        return 77
    show, _, show_index = (args.show or "").partition(":")
    wanted = [show] if show else args.topic or sorted(
        f[:-4] for f in os.listdir(CORPUS) if f.endswith(".sql"))
    known = read_known()
    passed = failed = skipped = noted = 0
    agreeing = set()
    for topic in wanted:
        topic = os.path.basename(topic).removesuffix(".sql").removesuffix(".results")
        expected = read_results(os.path.join(CORPUS, topic + ".results"))
        answers, answered = run_topic(binary, os.path.join(CORPUS, topic + ".sql"),
                                      len(expected), [e["sql"] for e in expected])
        agree, lines = 0, []
        for index, (want, got) in enumerate(zip(expected, answers), 1):
            bad, notes = differences(want, got)
            reason = known.get((topic, index))
            noted += bool(notes)
            if not bad:
                agree, passed = agree + 1, passed + 1
                agreeing.add((topic, index))
            elif reason:
                skipped += 1
            else:
                failed += 1
            if show and (str(index) == show_index or not show_index and (bad or notes)):
                lines += in_full(topic, index, reason, want, got, bad, notes)
            elif bad and not reason and not show:
                lines.append("  %s:%d %s\n      %s%s" % (
                    topic, index, cut(" ".join(want["sql"].split()), 110), bad[0],
                    " (+%d)" % (len(bad) - 1) if bad[1:] else ""))
            if args.notes and not show:
                lines += ["  %s:%d ~ %s" % (topic, index, n) for n in notes]
        if answered > len(expected):
            failed += 1
            lines.append("  %s: %d answers to %d statements" % (topic, answered, len(expected)))
        print("%s: %d/%d agree" % (topic, agree, len(expected)))
        if lines:
            print("\n".join(lines))
    stale = sorted(agreeing & set(known))
    failed += len(stale)
    for entry in stale:
        print("agrees now, take it out of known-differences.txt: %s:%d" % entry)
    if noted:
        print("%d statements have notes on their errors' details (--notes)" % noted)
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
