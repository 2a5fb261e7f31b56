#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser: every part loads without complaint and asks nobody else, figures are
those of the API, they live on, and a reload keeps them."""
import json
import os
import sys

import browser
from test_server import Server, check, expect, failures

JOB = """
CREATE TABLE few USING generator OPTIONS (numRows '5000', rowsPerSecond '2500');
CREATE TABLE payments USING generator OPTIONS (rowsPerSecond '2000');
CREATE STREAMING TABLE done USING memory OPTIONS (outputMode 'complete')
AS SELECT country, count(*) AS n FROM STREAM few GROUP BY country;
CREATE STREAMING TABLE sums USING memory OPTIONS (outputMode 'complete', trigger '100 milliseconds')
AS SELECT country AS k, count(*) AS n FROM STREAM payments GROUP BY country;
CREATE STREAMING TABLE windows USING noop OPTIONS (outputMode 'update', trigger '50 milliseconds')
AS SELECT window(ts, '10 seconds') AS w, count(*) AS n FROM STREAM payments
WATERMARK ts DELAY OF INTERVAL 5 SECONDS GROUP BY window(ts, '10 seconds');
"""
TABS = ('figures', 'plan', 'epochs', 'state', 'io', 'errors', 'sql')


def quiet(page, what):
    check('complaints ' + what, page.complaints(), [])


def test_overview(page, server, url):
    page.go(url, '/')
    page.until("document.querySelectorAll('tbody a.name').length >= 2")
    page.until("/\\d/.test(document.querySelector('[data-figure=rowsIn]').textContent)")
    check('connection', page.figure('connection'), 'live')
    check('queries', int(page.figure('queries')),
          sum(q['endedAt'] is None for q in server.json('/api/v1/queries')['items']))
    before = page.exact('rowsIn')
    page.until("document.querySelector('[data-figure=rowsIn]').title !== %s" % json.dumps(before))
    quiet(page, 'overview')


def test_ended(page, server, url):
    """A query that has ended stands still, so its figures can be compared exactly."""
    ended = server.wait('/api/v1/queries/done', lambda q: q['endedAt'])
    check('all rows', ended['inputRows'], 5000)
    page.go(url, '/q/done/figures')
    page.until("document.querySelector('[data-figure=totalIn]').title === '5000'")
    samples = server.json('/api/v1/queries/done/samples')
    shown = page.js("[...document.querySelectorAll('canvas')].find((c) => "
                    "c.ariaLabel.startsWith('Input rows')).chart.data.t.length")
    expect('all stretches', shown >= len(samples['t']), (shown, len(samples['t'])))
    check('state rows', page.exact('stateRows'), str(samples['stateRows'][-1]))
    check('stopped', page.js("document.querySelector('[data-state]').dataset.state"), 'stopped')
    quiet(page, 'an ended query')


def test_query(page, server, url):
    page.go(url, '/q/sums/figures')
    page.until("document.querySelector('[data-figure=totalIn]').title > 0")
    api = server.json('/api/v1/queries/sums')['inputRows']
    shown = int(page.exact('totalIn'))
    expect('near the API', abs(shown - api) <= 8000, (shown, api))
    page.until("document.querySelector('[data-figure=totalIn]').title > %d" % (shown + 3000))
    rate = float(page.exact('inputRate'))
    expect('input rate', 0 < rate <= 20000, rate)
    points = "document.querySelector('canvas').chart.data.t.length"
    many = page.js(points)
    page.go(url, '/q/sums/figures')
    page.until('%s >= %d' % (points, many))
    quiet(page, 'a query')
    for tab in TABS:
        page.go(url, '/q/windows/' + tab)
        length = page.js("document.getElementById('tab').textContent.length")
        expect('something on ' + tab, length > 20, length)
        quiet(page, tab)
    page.go(url, '/q/windows/plan')
    for end in ('/\\/s$/', '/ %$/'):  # rows a second, and a share of the time
        page.until("[...document.querySelectorAll('.plan .num')].some((t) => "
                   "%s.test(t.textContent))" % end)
    page.go(url, '/q/nobody')
    expect('an unknown query', 'there is no query' in page.js("document.body.textContent"))
    page.events.clear()


def test_sql(page, server, url):
    page.go(url, '/sql')
    page.js("(() => { const t = document.querySelector('textarea'); t.value = "
            "'SELECT country, n FROM done ORDER BY country'; "
            "t.dispatchEvent(new Event('input')); })()")
    page.js("document.querySelector('button.primary').click()")
    page.until("document.querySelectorAll('.results tbody tr').length > 0")
    status, _, text = server.ask('/api/v1/sql', method='POST', body=json.dumps(
        {'statement': 'SELECT country, n FROM done ORDER BY country'}))
    check('status', status, 200)
    shown = page.js("[...document.querySelectorAll('.results tbody tr')].map("
                    "(r) => [...r.children].map((c) => c.textContent))")
    check('rows', shown, json.loads(text)['rows'])
    quiet(page, 'sql')
    page.js("(() => { const t = document.querySelector('textarea'); "
            "t.value = 'SELECT nix FROM done'; t.dispatchEvent(new Event('input')); })()")
    page.js("document.querySelector('button.primary').click()")
    page.until("document.querySelector('.problem')")
    check('where', page.js("document.querySelector('.k-bad').textContent"), 'nix')
    page.events.clear()  # the browser notes an answer of 400 as an error


def test_rest(page, url):
    for path in ('/logs', '/settings'):
        page.go(url, path)
        expect(path, page.js("document.getElementById('main').textContent.length") > 30)
        quiet(page, path)
    page.go(url, '/')
    page.key('?')
    page.until("document.querySelector('dialog[open]')")
    page.js("document.querySelector('dialog button').click()")
    page.until("!document.activeElement.closest('dialog')")
    was = page.js('document.documentElement.dataset.theme')
    page.key('t')
    expect('theme', page.js('document.documentElement.dataset.theme') != was)
    page.key('g')
    page.key('l')
    page.until("location.pathname === '/logs'")
    page.call('Emulation.setDeviceMetricsOverride', width=360, height=740, deviceScaleFactor=1,
              mobile=True)
    for path in ('/', '/q/sums/figures', '/q/sums/plan', '/q/sums/epochs', '/sql', '/settings'):
        page.go(url, path)
        check('fits 360 pixels ' + path,
              page.js('document.documentElement.scrollWidth <= innerWidth'), True)
    page.call('Emulation.clearDeviceMetricsOverride')
    quiet(page, 'narrow')


def test_names(page, url):
    """What a reader of the screen needs: every control and picture has a name."""
    for path in ('/', '/q/sums/figures', '/q/sums/plan', '/sql', '/settings'):
        page.go(url, path)
        nameless = page.js(
            "[...document.querySelectorAll('button,a,select,input,textarea,canvas,[role=button],"
            "[role=img]')].filter((e) => !(e.textContent.trim() || e.title || "
            "e.getAttribute('aria-label') || "
            "(e.id && document.querySelector(`label[for=${e.id}]`))))"
            ".map((e) => e.outerHTML.slice(0, 80))")
        check('names on ' + path, nameless, [])


def main():
    browser.find()
    with Server(job=JOB) as server, browser.Browser() as page:
        url = 'http://localhost:%d/' % server.port
        asked = []
        for test in (test_overview, test_ended, test_query, test_sql):
            test(page, server, url)
            asked += page.requests()
        test_rest(page, url)
        test_names(page, url)
        asked += page.requests()
        others = [u for u in asked if not u.startswith((url, 'data:', 'blob:'))]
        check('asks nobody else', others, [])
        folder = os.environ.get('HR_PICTURES')
        if folder:
            page.go(url, '/q/windows/figures')
            page.until("document.querySelector('canvas').chart.data.t.length > 20")
            page.picture(os.path.join(folder, 'query.png'))
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
