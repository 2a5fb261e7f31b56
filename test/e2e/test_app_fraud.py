#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""apps/fraud finds the planted frauds, with kills in mid-run.

Pieces are a third of a day. Labels come at least one piece after the payments, so that no payment
is scored by a model that has seen its label. Figures are about the last two thirds, by incident: an
alarm is all that is decided about one customer within two hours.
"""
import collections
import datetime

import apps

ROWS, PIECE, SEED, FROM = 60000, 960, 3, 20000
UNKNOWN = 3 * PIECE  # that many payments behind the first of a new kind its labels are there
PAYMENT = ("id BIGINT, customer STRING, amount DOUBLE, merchant STRING, category STRING, "
           "country STRING, lat DOUBLE, lon DOUBLE, device STRING, ts TIMESTAMP")
LABEL = "id BIGINT, is_fraud BOOLEAN, paid TIMESTAMP, ts TIMESTAMP"


def run():
    job = apps.Job("fraud", {"payments": PAYMENT, "labels": LABEL})
    payments = apps.generate("fraud", ROWS, SEED)
    labels = collections.deque(apps.generate("fraud_labels", ROWS, SEED))
    for piece, first in enumerate(range(0, ROWS, PIECE)):
        job.feed("payments", payments[first:first + PIECE])
        known = []
        now = payments[first - PIECE - 1]["ts"] if first >= 2 * PIECE else ""
        while labels and labels[0]["ts"] <= now:
            known.append(labels.popleft())
        job.feed("labels", known)
        job.run(kill=piece % 6 == 3)
    job.run()  # what one query has written in the last run, the next one reads in this
    job.run()
    return job


def when(row):
    return datetime.datetime.fromisoformat(row["ts"].replace("Z", "+00:00")).timestamp()


def alarms_of(decisions):
    latest, alarms = {}, []
    for row in decisions:
        at, alarm = latest.get(row["customer"], (0, None))
        if when(row) - at > 7200:
            alarms.append(alarm := [])
        alarm.append(row["id"])
        latest[row["customer"]] = (when(row), alarm)
    return alarms


def figures(truth, rows):
    incidents = {t["incident"]: t["kind"] for t in truth.values()}
    caught = {truth[r["id"]]["incident"] for r in rows if r["id"] in truth}
    alarms = alarms_of(rows)
    right = [a for a in alarms if any(i in truth for i in a)]
    return (len(caught) / len(incidents), len(right) / max(1, len(alarms)), incidents, caught,
            alarms, right)


def main():
    job, bars = run(), apps.Bars()
    scored = sorted(job.rows("out/fraud/scored"), key=lambda r: r["id"])
    bars.equal("payments scored, each once", [r["id"] for r in scored] == list(range(ROWS)), True)
    truth = {t["id"]: t for t in apps.generate("fraud_truth", ROWS, SEED) if t["id"] >= FROM}
    rows = sorted((r for r in job.rows("out/fraud/decisions") if r["id"] >= FROM),
                  key=lambda r: r["id"])
    new = [t for t in truth.values() if t["kind"] == "gift cards"]
    early = {t["incident"] for t in new if t["id"] < new[0]["id"] + UNKNOWN}
    _, precision, incidents, caught, alarms, right = figures(truth, rows)
    known = [i for i in incidents if i not in early]
    recall = sum(i in caught for i in known) / len(known)
    print(f"new kind, before anybody could have known: {sum(i in caught for i in early)} of "
          f"{len(early)} (not in the recall)")
    print(f"kills: {job.kills}; incidents: {len(incidents)}, alarms: {len(alarms)}")
    for kind in sorted(set(incidents.values())):
        of = [i for i in incidents if incidents[i] == kind]
        print(f"  {kind}: {sum(i in caught for i in of)} of {len(of)}")
    hits = sum(r["id"] in truth for r in rows)
    print(f"by payment: recall {hits / len(truth):.3f}, precision {hits / len(rows):.3f}")
    bars.at_least("recall by incident", recall, 0.95)
    bars.at_least("precision by incident", precision, 0.9)

    by_rule = figures(truth, [r for r in rows if r.get("rule")])
    bars.at_most("recall of the rules alone", by_rule[0], 0.75)
    large = [r for r in scored if r["id"] >= FROM and r["amount"] > 200]
    print(f"amount > 200 alone: recall {figures(truth, large)[0]:.3f}, "
          f"precision {figures(truth, large)[1]:.3f}")
    late = [i for i in known if incidents[i] == "gift cards"]
    share = sum(i in caught for i in late) / len(late)
    bars.at_least("recall of the new kind, once labelled", share, 0.8)
    false = [a[0] for a in alarms if a not in right]
    print("false alarms by third:", [sum(lo <= i < lo + 13334 for i in false)
                                     for lo in range(FROM, ROWS, 13334)])
    bars.end()


if __name__ == "__main__":
    main()
