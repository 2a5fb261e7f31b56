#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""apps/social finds the planted trends, feels as the posts do, and shows better ads than chance.

A trend is found when its tag is reported between its first post and its end; what is reported in
the first day (no yesterday to compare with) does not count. Kills in mid-run.
"""
import collections

import apps

ROWS, SEED, FILES, VISITS, BLOCK = 130000, 2, 65, 40000, 2048
POST = "id BIGINT, author INT, tag STRING, text STRING, ts TIMESTAMP"
VISIT = "id BIGINT, segment STRING, ts TIMESTAMP"
ANSWER = "id BIGINT, ad STRING, clicked BOOLEAN, ts TIMESTAMP"


def planted(truth, what):
    """(tag, time of first post, of last) of each."""
    found = {}
    for t in truth:
        if t["what"] == what:
            key = (t["id"] // BLOCK, t["tag"])
            found[key] = (t["tag"], found.get(key, (0, t["ts"]))[1], t["ts"])
    return list(found.values())


def main():
    job = apps.Job("social", {"posts": POST, "visits": VISIT, "answers": ANSWER},
                   "maxFilesPerTrigger '1'")
    bars = apps.Bars()
    posts = apps.generate("social", ROWS, SEED)
    visits = apps.generate("social_visits", VISITS, SEED)
    answers = apps.generate("social_answers", VISITS * 4, SEED)
    for i in range(FILES):
        for name, rows in (("posts", posts), ("visits", visits), ("answers", answers)):
            size = (len(rows) + FILES - 1) // FILES
            job.feed(name, rows[i * size:(i + 1) * size])
    for _ in range(5):
        job.run(kill=True, finish=False)
    for _ in range(3):
        job.run()
    truth = apps.generate("social_truth", ROWS, SEED)
    day = posts[43200]["ts"]
    last = posts[ROWS - BLOCK]["ts"]
    trends = [t for t in planted(truth, "trend") if day < t[1] and t[2] < last]
    storms = planted(truth, "storm")
    reports = [r for r in job.rows("out/social/trends") if day < r["begin"] < last]

    def minutes(text):
        return text[:16]

    hit = [t for t in trends if any(r["tag"] == t[0] and
           minutes(t[1])[:-1] <= r["begin"] <= t[2] for r in reports)]
    right = [r for r in reports if any(r["tag"] == t[0] and
             minutes(t[1])[:-1] <= r["begin"] <= t[2] for t in planted(truth, "trend"))]
    fooled = [r for r in reports if any(r["tag"] == s[0] and s[1] <= r["begin"] <= s[2]
                                        for s in storms)]
    print(f"kills: {job.kills}; trends: {len(trends)}, reports: {len(reports)}, "
          f"of storms: {len(fooled)}")
    bars.at_least("trends found", len(hit) / len(trends), 0.9)
    bars.at_least("reports that are right", len(right) / max(1, len(reports)), 0.8)
    bars.at_most("reports of the daily peak", sum(r["tag"] == "tag00" for r in reports), 1)

    feels = {t["id"]: t["feeling"] for t in truth}
    rows = job.rows("out/social/feelings")
    bars.equal("posts felt, each once", len({r["id"] for r in rows}) == len(rows) == ROWS, True)
    same = sum((r["feeling"] > 0) - (r["feeling"] < 0) == feels[r["id"]] for r in rows)
    bars.at_least("feelings that are right", same / len(rows), 0.85)

    clicked = {(a["id"], a["ad"]): a["clicked"] for a in answers}
    shown = job.rows("out/social/shown")
    bars.equal("visitors shown an ad, each once", len({r["id"] for r in shown}) == len(shown), True)
    chance = sum(a["clicked"] for a in answers) / len(answers)
    early = [r for r in shown if r["id"] < VISITS / 2]
    rate = sum(clicked[r["id"], r["ad"]] for r in early) / len(early)
    thirds = collections.Counter()
    for r in shown:
        thirds[r["id"] * 4 // VISITS] += clicked[r["id"], r["ad"]] / (VISITS / 4)
    print("clicks by quarter (tastes turn in the middle):",
          [round(thirds[i], 4) for i in range(4)], f"by chance {chance:.4f}")
    # How far it gets depends on how soon answers come back: 1.3 to 1.65 in runs of this test.
    bars.at_least("clicks before the turn, times those by chance", rate / chance, 1.15)
    bars.end()


if __name__ == "__main__":
    main()
