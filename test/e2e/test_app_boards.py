#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The dashboards and alerts of the four applications: every tile shows rows of the running job, and
where there is a browser, draws them without complaint. An argument: a folder for pictures."""
import os
import sys
import threading
import time

import browser
from test_server import Server, check, expect, failures

TMP = os.environ['HR_TMP']
ROOT = os.environ.get('HR_ROOT', os.path.join(os.path.dirname(__file__), '..', '..'))
# In whose first days there may be nothing to show yet.
MAY_BE_EMPTY = {('iot', 'failing'), ('iot', 'sick'), ('iot', 'sensors'), ('shop', 'reorder'),
                ('social', 'trends'), ('fraud', 'blocked'), ('fraud', 'confirmed'),
                ('fraud', 'decisions'), ('fraud', 'verdicts'), ('fraud', 'suspects')}
ALERTS = {'fraud': ['account_blocked'], 'iot': ['fails_soon', 'sensor_stuck'],
          'shop': ['reorder_item'], 'social': ['trend']}


def job_of(app):
    with open(os.path.join(ROOT, 'apps', app, app + '.sql'), encoding='utf-8') as file:
        return file.read().replace("'out/", "'%s/" % TMP)


def await_tiles(server, app):
    """The rows of each tile, when those that must have some have them."""
    server.wait('/api/v1/dashboards', lambda all: any(d['name'] == app for d in all['items']))
    names = [t['name'] for t in server.json('/api/v1/dashboards/' + app)['tiles']]
    rows = {}
    for _ in range(120):
        for name in names:
            rows[name] = server.json('/api/v1/dashboards/%s/tiles/%s' % (app, name))['rows']
        missing = [n for n in names if (app, n) not in MAY_BE_EMPTY and
                   (not rows[n] or rows[n][0][0] is None)]
        if not missing:
            return rows
        time.sleep(0.5)
    failures.append('%s: no rows in %s' % (app, missing))
    return rows


def test_app(app, chromium):
    with Server(job=job_of(app)) as server:
        rows = await_tiles(server, app)
        expect(app + ': tiles', len(rows) >= 5, rows)
        alerts = [a['name'] for a in server.json('/api/v1/alerts')['items']]
        check(app + ': alerts', sorted(alerts), sorted(ALERTS[app]))
        if not chromium:
            return
        if len(sys.argv) > 1:
            threading.Thread(target=server.process.stderr.read, daemon=True).start()
            time.sleep(int(os.environ.get('PICTURE_AFTER', '20')))
        with browser.Browser() as page:
            page.go('http://localhost:%d/' % server.port, '/d/' + app)
            page.until("document.querySelectorAll('svg.plot').length >= 2")
            check(app + ': complaints', page.complaints(), [])
            if len(sys.argv) > 1:
                time.sleep(5)
                page.picture('%s/%s.png' % (sys.argv[1], app))


def main():
    chromium = browser.program()
    for app in ('fraud', 'iot', 'shop', 'social'):
        test_app(app, chromium)
    for f in failures:
        print(f)
    if not chromium and not failures:
        print('passed without a browser: chromium is not installed')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
