#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""apps/iot foresees the planted failures and finds the bad sensors, with kills in mid-run.

Twenty days of 40 machines, two hours an epoch. A failure is foreseen when an alarm stood between
48 hours and one hour before it; alarms of a machine less than six hours apart are one. Failures
without a sign are counted apart.
"""
import collections
import datetime

import apps

DAYS, SEED = 20, 2
ROWS, PIECE = DAYS * 144 * 40, 480
READING = ("machine STRING, load DOUBLE, vibration DOUBLE, temperature DOUBLE, current DOUBLE, "
           "ts TIMESTAMP")
HOUR, WARM_UP = 3600, 24 * 3600


def when(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def periods(times, gap):
    """Begin and end of each run of times that are less than gap apart."""
    found = []
    for at in sorted(times):
        if found and at - found[-1][1] < gap:
            found[-1][1] = at
        else:
            found.append([at, at])
    return found


def by_machine(rows, column):
    found = collections.defaultdict(list)
    for row in rows:
        found[row["machine"]].append(when(row[column]))
    return found


def forecast(alarms, truth):
    """(recall, precision, hours ahead) of alarms, a dictionary of times by machine."""
    failed = [(t["machine"], when(t["ts"])) for t in truth if t["what"] == "failed"]
    sudden = [(t["machine"], when(t["ts"])) for t in truth if t["what"] == "failed without a sign"]
    spans = {m: periods(times, 6 * HOUR) for m, times in alarms.items()}
    ahead = []
    for machine, at in failed:
        good = [b for b, e in spans.get(machine, []) if at - 48 * HOUR <= b <= at - HOUR]
        if good:
            ahead.append((at - min(good)) / HOUR)
    right = sum(any(m == machine and at - 48 * HOUR <= b <= at for m, at in failed + sudden)
                for machine, found in spans.items() for b, _ in found)
    total = sum(len(found) for found in spans.values())
    return len(ahead) / len(failed), right / max(1, total), sorted(ahead), len(failed), len(sudden)


def found_of(truth, what, found, before, after):
    """Of the planted faults, how many are found in time; of the findings, how many are right."""
    planted = [(t["machine"], when(t["ts"])) for t in truth if t["what"] == what]
    hits = sum(any(at - before <= x <= at + after for x in found.get(m, [])) for m, at in planted)
    all_found = [(m, x) for m, xs in found.items() for x in xs]
    right = sum(any(m == k and at - before <= x <= at + after for k, at in planted)
                for m, x in all_found)
    return hits / len(planted), right / max(1, len(all_found)), len(planted)


def main():
    job, bars = apps.Job("iot", {"readings": READING}, "maxFilesPerTrigger '1'"), apps.Bars()
    readings = apps.generate("iot", ROWS, SEED)
    for first in range(0, len(readings), PIECE):
        job.feed("readings", readings[first:first + PIECE])
    for _ in range(5):
        job.run(kill=True, finish=False)
    job.run()
    job.run()
    begin = when(readings[0]["ts"]) + WARM_UP
    end = when(readings[-1]["ts"])

    def within(found):
        return {m: [t for t in ts if begin + 12 * HOUR < t < end - 24 * HOUR]
                for m, ts in found.items()}

    truth = [t for t in apps.generate("iot_truth", ROWS, SEED) if when(t["ts"]) > begin + 12 * HOUR]
    alarms = [r for r in job.rows("out/iot/alarms") if when(r["ts"]) > begin]
    soon = by_machine([r for r in alarms if r["status"] == "fails soon"], "ts")
    # what is foreseen for the time after the last reading is neither right nor wrong
    soon = {m: [t for t in ts if t < end - 24 * HOUR] for m, ts in soon.items()}
    truth = [t for t in truth if when(t["ts"]) < end - 24 * HOUR]
    recall, precision, ahead, failures, sudden = forecast(soon, truth)
    print(f"kills: {job.kills}; failures: {failures}, and {sudden} without a sign")
    print(f"hours ahead: median {ahead[len(ahead) // 2]:.1f}, least {ahead[0]:.1f}")
    bars.at_least("recall of failures, an hour or more ahead", recall, 0.9)
    bars.at_least("precision", precision, 0.8)
    for level in (5, 7, 9):
        high = by_machine([r for r in readings if r["vibration"] > level
                           and begin < when(r["ts"]) < end - 24 * HOUR], "ts")
        simple = forecast(high, truth)
        print(f"vibration > {level} alone: recall {simple[0]:.3f}, precision {simple[1]:.3f}")
        bars.at_most("the lesser of both", min(simple[:2]), 0.6)
    stuck = {m: [b for b, _ in periods(ts, 2 * HOUR)]
             for m, ts in by_machine(job.rows("out/iot/stuck"), "since").items()}
    stuck = within(stuck)
    result = found_of(truth, "stuck sensor", stuck, 0, 2 * HOUR)
    bars.at_least(f"recall of {result[2]} stuck sensors", result[0], 0.95)
    bars.at_least("precision", result[1], 0.95)
    silent = within(by_machine(job.rows("out/iot/silent"), "noticed"))
    result = found_of(truth, "silent", silent, 0, HOUR)
    bars.at_least(f"recall of {result[2]} silent machines", result[0], 0.95)
    bars.at_least("precision", result[1], 0.95)
    drift = by_machine([r for r in alarms if r["status"] == "drifting sensor"], "ts")
    drift = within({m: [b for b, e in periods(ts, 12 * HOUR) if e - b >= 12 * HOUR]
                    for m, ts in drift.items()})
    result = found_of(truth, "drifting sensor", drift, 0, 96 * HOUR)
    bars.at_least(f"recall of {result[2]} drifting sensors", result[0], 0.5)
    bars.at_least("precision", result[1], 0.5)
    bars.end()


if __name__ == "__main__":
    main()
