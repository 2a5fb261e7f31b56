#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""apps/shop: the stock agrees with the ledger, recommendations beat popularity, with kills.

A recommendation hits when the visitor buys one of the ten items that were offered before looking at
it; beside it the ten items that had sold best. Only the last third counts.
"""
import collections

import apps

ROWS, SEED, FILES = 240000, 2, 60
EVENT = "id BIGINT, kind STRING, user INT, item INT, quantity INT, ts TIMESTAMP"


def hits(events, offers):
    """Shares of purchases among the last offer, and among what sold best; of the last third."""
    sold, offer, before, seen, liked, popular = collections.Counter(), {}, {}, 0, 0, 0
    for e in events:
        if e["kind"] == "view":  # an offer counts that stood before the item was looked at
            before[e["user"], e["item"]] = offer.get(e["user"])
        if e["id"] in offers:
            offer[e["user"]] = offers[e["id"]]
        if e["kind"] != "purchase":
            continue
        if e["id"] > ROWS * 2 // 3 and before.get((e["user"], e["item"])):
            seen += 1
            liked += e["item"] in before[e["user"], e["item"]]
            popular += e["item"] in [i for i, _ in sold.most_common(10)]
        sold[e["item"]] += 1
    return seen, liked / seen, popular / seen


def main():
    job, bars = apps.Job("shop", {"events": EVENT}, "maxFilesPerTrigger '1'"), apps.Bars()
    events = apps.generate("shop", ROWS, SEED)
    size = (len(events) + FILES - 1) // FILES
    for first in range(0, len(events), size):
        job.feed("events", events[first:first + size])
    for _ in range(5):
        job.run(kill=True, finish=False)
    job.run()
    job.run()
    print(f"kills: {job.kills}; events: {len(events)}")

    ledger, stock = collections.Counter(), {}
    for e in events:
        if e["kind"] in ("purchase", "return", "restock"):
            ledger[e["item"]] += -e["quantity"] if e["kind"] == "purchase" else e["quantity"]
    for row in sorted(job.rows("out/shop/stock"), key=lambda r: r["id"]):
        stock[row["item"]] = row["units"]
    wrong = [i for i in set(ledger) | set(stock) if ledger[i] != stock.get(i)]
    bars.equal(f"items of {len(ledger)} whose stock is not the ledger's", len(wrong), 0)
    wanted = {e["item"] for e in events if e["kind"] == "purchase"}
    bars.equal("items with reorder alerts that nobody buys",
               len({r["item"] for r in job.rows("out/shop/reorder")} - wanted), 0)

    sums = collections.Counter()
    for row in job.rows("out/shop/funnel"):
        sums.update({k: row[k] for k in ("views", "carts", "purchases")})
    hours = int(events[-1]["id"]) * 2 // 3600
    counts = collections.Counter(e["kind"] for e in events if e["id"] * 2 // 3600 < hours)
    bars.equal("funnel", dict(sums), {"views": counts["view"], "carts": counts["cart"],
                                      "purchases": counts["purchase"]})
    sessions = job.rows("out/shop/sessions")
    left = [s for s in sessions if s["carts"] > s["purchases"]]
    bars.equal("sessions with carts left behind", len(job.rows("out/shop/abandoned_carts")),
               len(left))
    offers = {r["id"]: [i["item"] for i in r.get("items") or []]
              for r in job.rows("out/shop/recommended")}
    seen, liked, popular = hits(events, offers)
    print(f"purchases behind an offer: {seen}; best sellers hit {popular:.3f}")
    bars.at_least("recommendations hit", liked, 0.2)
    bars.at_least("times as often as best sellers", liked / popular, 1.5)
    bars.end()


if __name__ == "__main__":
    main()
