#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Queries of one job that read the same streaming table read it once; each keeps its own offsets,
and one whose sink is stuck holds nobody up."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from sink_files import committed  # noqa: E402

HEADRACE = os.environ["HEADRACE"]
TMP = os.environ["HR_TMP"]
ROWS = 20000
PAYMENTS = """CREATE TABLE pay (id BIGINT, country STRING, amount DOUBLE, card STRING)
  USING json OPTIONS (path 'in', maxFilesPerTrigger '1');
"""


def put(number):
    os.makedirs(os.path.join(TMP, "in"), exist_ok=True)
    rows = ({"id": number * ROWS + i, "country": "DE PL ES".split()[i % 3], "amount": 0.5 * (i % 7),
             "card": f"a card with a longer number {i}"} for i in range(ROWS))
    with open(os.path.join(TMP, f"{number}.part"), "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    os.rename(os.path.join(TMP, f"{number}.part"), os.path.join(TMP, "in", f"{number}.json"))


def table(name, query, more=""):
    return (f"CREATE STREAMING TABLE {name} USING json "
            f"OPTIONS (path '{name}', trigger 'available now'{more}) AS {query};\n")


def run(name, text, *options):
    """Runs a job to its end; rows read and rows that another query had read, by query."""
    path = os.path.join(TMP, name + ".sql")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    out = subprocess.run([HEADRACE, "run", path, "--checkpoint", "cp", "--ui", "off", "--progress",
                          "json", *options], cwd=TMP, check=True, text=True,
                         stdout=subprocess.PIPE, timeout=120).stdout
    figures = {}
    for line in out.splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        event = event.get("progress", event)
        for source in event.get("sources", []):
            read, _ = figures.get(event["name"], (0, 0))
            figures[event["name"]] = (read + source["numInputRows"],
                                      source.get("metrics", {}).get("sharedRows", -1))
    return figures


def test_once():
    for number in range(3):
        put(number)
    ids = table("ids", "SELECT id FROM STREAM pay WHERE id % 1000 = 7")
    cards = table("cards", "SELECT country, card FROM STREAM pay WHERE amount > 2.9")
    figures = run("once", PAYMENTS + ids + cards)
    assert figures["ids"][0] == figures["cards"][0] == 3 * ROWS, figures
    # What one read from the files the other was given.
    assert figures["ids"][1] + figures["cards"][1] == 3 * ROWS, figures
    assert sorted(r["id"] for r in committed(os.path.join(TMP, "ids"))) == list(
        range(7, 3 * ROWS, 1000))
    found = committed(os.path.join(TMP, "cards"))
    assert len(found) == 3 * sum(i % 7 == 6 for i in range(ROWS)), len(found)

    # A query that is new reads what is old by itself, and what is new with the others.
    put(3)
    sums = table("sums", "SELECT country, id FROM STREAM pay WHERE id % 5000 = 0")
    figures = run("later", PAYMENTS + ids + sums + cards)
    assert figures["ids"][0] == figures["cards"][0] == ROWS, figures
    assert figures["sums"][0] == 4 * ROWS, figures
    assert len(committed(os.path.join(TMP, "ids"))) == 4 * ROWS // 1000
    assert len(committed(os.path.join(TMP, "sums"))) == 4 * ROWS // 5000
    assert len(committed(os.path.join(TMP, "cards"))) == 4 * sum(i % 7 == 6 for i in range(ROWS))


def test_not_shared():
    figures = run("apart", PAYMENTS + table("x", "SELECT id FROM STREAM pay")
                  + table("y", "SELECT id FROM STREAM pay"), "--set",
                  "headrace.sharedInput.maxBytes=0")
    assert figures["x"] == figures["y"] == (4 * ROWS, -1), figures


def test_stuck_sink():
    """Its peer takes no byte; the other query commits all of its rows."""
    server = socket.create_server(("127.0.0.1", 0))
    text = PAYMENTS.replace(", maxFilesPerTrigger '1'", "") + (
        f"CREATE STREAMING TABLE stuck USING socket OPTIONS (host '127.0.0.1', "
        f"port '{server.getsockname()[1]}') AS "
        "SELECT repeat(card, 50) AS c FROM STREAM pay;\n"
    ) + table("free", "SELECT id FROM STREAM pay WHERE id % 100 = 0")
    path = os.path.join(TMP, "stuck.sql")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    process = subprocess.Popen([HEADRACE, "run", path, "--checkpoint", "cp2", "--ui", "off",
                                "--progress", "off", "--set",
                                "headrace.sharedInput.maxBytes=100k"], cwd=TMP)
    folder, end = os.path.join(TMP, "free"), time.monotonic() + 120
    while len(committed(folder)) < 4 * ROWS // 100 and time.monotonic() < end:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    server.close()
    assert len(committed(folder)) == 4 * ROWS // 100


test_once()
test_not_shared()
test_stuck_sink()
