#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Alerts and dashboards in a real browser: what they show is what the API says; acknowledging."""
import sys

import browser
from test_server import Server, check, expect, failures

JOB = """
CREATE TABLE payments USING generator OPTIONS (rowsPerSecond '500');
CREATE ALERT busy COMMENT '{n} payments in {country}' SEVERITY critical KEY (country) WHEN n > 5
  OPTIONS (outputMode 'update', trigger '100 milliseconds')
  AS SELECT country, count(*) AS n FROM STREAM payments GROUP BY country;
CREATE STREAMING TABLE by_country USING memory
  OPTIONS (outputMode 'complete', trigger '200 milliseconds')
  AS SELECT country, count(*) AS n, sum(amount) AS amount FROM STREAM payments GROUP BY country;
CREATE TABLE months (month DATE, country STRING, n INT);
INSERT INTO months VALUES (DATE'2026-01-01', 'DE', 3), (DATE'2026-02-01', 'DE', 5),
  (DATE'2026-02-01', 'FR', 4), (DATE'2026-03-01', 'DE', 2), (DATE'2026-03-01', 'FR', 6);
CREATE DASHBOARD shop COMMENT 'Payments' OPTIONS (refresh '1 second') AS TILES (
  total USING number THRESHOLD (warning => 6, critical => 100) OPTIONS (unit 'pieces', width '3')
    AS (SELECT sum(n) AS n FROM months),
  filled USING gauge ENCODE (value => n, min => 0, max => 40) OPTIONS (width '3')
    AS (SELECT sum(n) AS n FROM months),
  countries USING bar OPTIONS (width '6') AS (SELECT country, n FROM by_country ORDER BY country),
  monthly USING stacked OPTIONS (width '6') ON months,
  lines USING line THRESHOLD (warning => 4) OPTIONS (width '6') ON months,
  areas USING area OPTIONS (width '4') ON months,
  heat USING heatmap ENCODE (x => month, y => country, value => n) OPTIONS (width '4') ON months,
  often USING histogram OPTIONS (width '4') AS (SELECT n AS bucket, count(*) AS n FROM months
    GROUP BY n ORDER BY n),
  latest USING table OPTIONS (width '12', limit '5') AS (SELECT * FROM by_country ORDER BY n DESC));
"""


def main():
    browser.find()
    with Server(job=JOB) as server, browser.Browser() as page:
        url = 'http://localhost:%d/' % server.port
        page.go(url, '/d/shop')
        page.until("document.querySelector('[data-figure=total]')?.textContent === '20'")
        page.until("document.querySelectorAll('svg.plot').length === 6")
        page.until("document.querySelectorAll('tbody tr').length >= 3")
        bars = page.js("document.querySelectorAll('.plot')[0].querySelectorAll('rect').length")
        rows = server.json('/api/v1/dashboards/shop/tiles/countries')['rows']
        check('a bar a row', bars, len(rows))
        top = [int(r[1]) for r in server.json('/api/v1/dashboards/shop/tiles/latest')['rows']]
        check('DESC at the end of a tile', top, sorted(top, reverse=True))
        check('complaints of a dashboard', page.complaints(), [])
        if len(sys.argv) > 1:
            page.picture(sys.argv[1] + '/board.png')
        page.go(url, '/dashboards')
        page.until("document.querySelector('main a.name')?.textContent === 'shop'")
        page.go(url, '/alerts')
        page.until("document.querySelectorAll('tbody tr').length >= 3")
        page.js("document.querySelector('tbody button').click()")
        page.until("[...document.querySelectorAll('tbody tr')]"
                   ".some((r) => r.textContent.includes('page'))")
        items = server.json('/api/v1/alerts')['items'][0]['instances']
        expect('one is acknowledged', sum(i['acknowledgedBy'] == 'page' for i in items) == 1, items)
        check('complaints of alerts', page.complaints(), [])
        if len(sys.argv) > 1:
            page.picture(sys.argv[1] + '/alerts.png')
    for f in failures:
        print(f)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
