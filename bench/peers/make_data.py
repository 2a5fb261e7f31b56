#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Input for the peers without Headrace: small, seeded, and with the digest of the right answer.

    bench/peers/make_data.py ysb ROWS DIR [--files N] [--seed S]      DIR/{events/,campaigns.csv}
    bench/peers/make_data.py groupby ROWS DIR [--keys K] [--files N]  DIR/rows/

For real measurements use `headrace generate`.  Events are in order of their time, which goes
forward by 100 s in a million.
"""
import argparse
import os
import random
import sys
import uuid

sys.dont_write_bytecode = True
import peer  # noqa: E402


def writers(folder, rows, files):
    """Yields (row number, file) with the files one after the other."""
    os.makedirs(folder, exist_ok=True)
    per_file = -(-rows // files)
    for number in range(files):
        name = os.path.join(folder, "part-%04d.json" % number)
        with open(name, "w", encoding="utf-8") as out:
            for row in range(number * per_file, min(rows, (number + 1) * per_file)):
                yield row, out


def ysb(args, rand):
    def ids(count):
        return [str(uuid.UUID(int=rand.getrandbits(128), version=4)) for _ in range(count)]
    users, pages, ads, campaigns = ids(100), ids(100), ids(1000), ids(100)
    os.makedirs(args.dir, exist_ok=True)
    with open(os.path.join(args.dir, "campaigns.csv"), "w", encoding="utf-8") as out:
        out.write("ad_id,campaign_id\n")
        for i, ad in enumerate(ads):
            out.write("%s,%s\n" % (ad, campaigns[i // 10]))
    counts = {}
    for row, out in writers(os.path.join(args.dir, "events"), args.rows, args.files):
        ad = rand.randrange(1000)
        kind = rand.choice(("view", "click", "purchase"))
        ms = 1600000000000 + row // 10
        out.write('{"user_id":"%s","page_id":"%s","ad_id":"%s","ad_type":"%s","event_type":"%s",'
                  '"event_time":%d,"ip_address":"1.2.3.4"}\n' % (
                      rand.choice(users), rand.choice(pages), ads[ad],
                      rand.choice(("banner", "modal", "sponsored-search", "mail", "mobile")),
                      kind, ms))
        if kind == "view":
            key = campaigns[ad // 10], ms // 10000 * 10000
            counts[key] = counts.get(key, 0) + 1
    return ["%s|%d|%d" % (c, start, n) for (c, start), n in counts.items()]


def groupby(args, rand):
    state = {}
    for _, out in writers(os.path.join(args.dir, "rows"), args.rows, args.files):
        key, value = "key-%d" % rand.randrange(args.keys), rand.randrange(-1000, 1000000)
        out.write('{"k":"%s","v":%d}\n' % (key, value))
        n, s, m = state.get(key, (0, 0, value))
        state[key] = n + 1, s + value, max(m, value)
    return ["%s|%d|%d|%d" % ((k,) + a) for k, a in state.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=("ysb", "groupby"))
    parser.add_argument("rows", type=int)
    parser.add_argument("dir")
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    make = ysb if args.job == "ysb" else groupby
    print(peer.digest(make(args, random.Random(args.seed))))


if __name__ == "__main__":
    main()
