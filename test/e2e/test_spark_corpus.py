#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares Headrace's answers with the recorded ones of test/spark/corpus.jsonl.xz.

    test/e2e/test_spark_corpus.py [AREA...]     all statements, or areas by prefix ("iv", "cast.")
    test/e2e/test_spark_corpus.py --update      put what disagrees now into corpus-differences.txt

A line of the corpus is {"sql": …, "area": …, "spark": answer, "set": settings before it}.  Names
and types of columns, rows, and the class of an error are compared; where Spark raised a plain Java
exception any error will do.  Statements in test/spark/corpus-differences.txt ("KEY reason", the
key is printed here) may disagree: a statement that is not there must agree.
"""
import argparse
import hashlib
import json
import lzma
import os
import re
import sys
import tempfile

import test_spark_results as spark

CORPUS = os.path.join(spark.CORPUS, "corpus.jsonl.xz")
KNOWN = os.path.join(spark.CORPUS, "corpus-differences.txt")
STATEMENTS = 400                          # a run of the program


def key_of(item):
    text = json.dumps([item["sql"], item.get("set") or {}], sort_keys=True)
    return hashlib.sha1(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def read_known():
    known = {}
    if os.path.exists(KNOWN):
        for line in open(KNOWN, encoding="utf-8"):
            if line.strip() and not line.startswith("#"):
                key, _, reason = line.strip().partition(" ")
                known[key] = reason
    return known


def run_part(binary, sets, texts):
    """Answers to texts; where their number is wrong, of each half alone, to find the one."""
    everything = sets + texts
    with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8",
                                     errors="surrogatepass") as f:
        f.write(";\n".join(everything) + ";\n")
        f.flush()
        answers, answered = spark.run_topic(binary, f.name, len(everything), everything)
    if answered != len(everything) and len(texts) > 1:
        half = len(texts) // 2
        return run_part(binary, sets, texts[:half]) + run_part(binary, sets, texts[half:])
    return answers[len(sets):]


def answers_of(binary, items):
    """Answers in order; statements of the same settings run together."""
    answers, groups = [None] * len(items), {}
    for i, item in enumerate(items):
        groups.setdefault(json.dumps(item.get("set") or {}, sort_keys=True), []).append(i)
    for settings, indexes in groups.items():
        sets = ["SET %s=%s" % pair for pair in json.loads(settings).items()]
        for at in range(0, len(indexes), STATEMENTS):
            part = indexes[at:at + STATEMENTS]
            got = run_part(binary, sets, [items[i]["sql"] for i in part])
            for i, answer in zip(part, got):
                answers[i] = answer
    return answers


def disagreement(item, got):
    error = item["spark"].get("error")
    if error and "crash" not in got and "broken" not in got:
        if "error" not in got:
            return ["no error, Spark has %s" % error["class"]]
        if re.match(r"(_LEGACY_ERROR|INTERNAL_ERROR|$)", error["class"] or "") or \
                got["error"].get("class") == error["class"]:
            return []
        return ["class: %s, Spark has %s" % (got["error"].get("class"), error["class"])]
    bad, _ = spark.differences(dict(item["spark"], sql=item["sql"]), got)
    return bad


def update(items, answers, known):
    head = [line for line in open(KNOWN, encoding="utf-8") if line.startswith("#")] \
        if os.path.exists(KNOWN) else []
    lines = []
    for item, got in zip(items, answers):
        bad = disagreement(item, got)
        if bad:
            reason = known.get(key_of(item)) or "%s: open: %s" % (
                item["area"], spark.cut(" ".join(item["sql"].split()), 90))
            lines.append("%s %s\n" % (key_of(item), reason))
    with open(KNOWN, "w", encoding="utf-8", errors="replace") as f:
        f.writelines(head + sorted(set(lines), key=lambda line: line[13:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("area", nargs="*")
    parser.add_argument("--update", action="store_true")
    args = parser.parse_args()
    binary = spark.find_binary()
    if binary is None:
        print("no headrace binary: set HEADRACE")
        return 77
    with lzma.open(CORPUS, "rt", encoding="utf-8") as f:
        items = [json.loads(line) for line in f]
    items = [i for i in items if not args.area or i["area"].startswith(tuple(args.area))]
    answers = answers_of(binary, items)
    known = read_known()
    if args.update:
        update(items, answers, known)
        return 0
    passed = failed = skipped = 0
    for item, got in zip(items, answers):
        bad, key = disagreement(item, got), key_of(item)
        if not bad:
            passed += key not in known
            failed += key in known
            if key in known:
                print("agrees now, take it out of corpus-differences.txt: %s" % key)
        elif key in known:
            skipped += 1
        else:
            failed += 1
            print("%s %s\n    %s" % (key, spark.cut(" ".join(item["sql"].split()), 140), bad[0]))
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
