#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Alerts: web hooks that fail, kills, restarts, acknowledging; and dashboards, by REST."""
import http.client
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

PROGRAM, TMP = os.environ['HEADRACE'], os.environ['HR_TMP']
failures = []


def expect(what, holds, shown=''):
    if not holds:
        failures.append('%s %r' % (what, shown))


def wait(what, fn, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = fn()
        if value:
            return value
        time.sleep(0.05)
    failures.append('waited in vain: ' + what)
    return None


class Hook(http.server.BaseHTTPRequestHandler):
    """Takes every delivery down; the first `fail` attempts of each are refused."""
    lock, got, attempts, fail = threading.Lock(), {}, {}, 2

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        key = self.headers['Idempotency-Key']
        with Hook.lock:
            n = Hook.attempts[key] = Hook.attempts.get(key, 0) + 1
            if self.path.startswith('/wrong'):
                status = 404
            elif n <= Hook.fail:
                status = 503
            else:
                status = 204
                expect('one body a key', Hook.got.setdefault(key, body) == body, key)
        expect('the id in the body', body['id'] == key, key)
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        pass


class Job:
    def __init__(self, sql, checkpoint='cp', env=None, *args):
        path = os.path.join(TMP, 'job.sql')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(sql)
        self.process = subprocess.Popen(
            [PROGRAM, 'run', path, '--checkpoint', os.path.join(TMP, checkpoint), '--ui',
             '127.0.0.1:0', *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=dict(os.environ, **(env or {})))
        Job.last = self
        line = self.process.stderr.readline()
        if 'without libmicrohttpd' in line:
            print('skipped: this build has no server')
            sys.exit(77)
        found = re.search(r':(\d+)/', line)
        if not found:
            rest = self.process.communicate(timeout=30)[1]
            if 'need a build with' in line + rest or 'needs a build with' in line + rest:
                print('skipped: ' + line + rest)
                sys.exit(77)
            raise SystemExit('no server: ' + line + rest)
        self.port = int(found.group(1))

    def ask(self, path, method='GET', body=None):
        c = http.client.HTTPConnection('127.0.0.1', self.port, timeout=60)
        headers = {'Content-Type': 'application/json'} if body is not None else {}
        c.request(method, '/api/v1/' + path, json.dumps(body) if body is not None else None,
                  headers)
        r = c.getresponse()
        text = r.read().decode()
        c.close()
        try:
            return r.status, json.loads(text)
        except ValueError:
            failures.append('%s: no JSON: %s' % (path, text[:300]))
            return r.status, {}

    def alert(self, name):
        items = [a for a in self.ask('alerts')[1].get('items', []) if a['name'] == name]
        return items[0] if items else {}

    def states(self, name):
        return {json.dumps(i['key']): i['state'] for i in self.alert(name).get('instances', [])}

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        return out, err


def add(name, rows):
    path, hidden = os.path.join(TMP, 'in', name), os.path.join(TMP, 'next')
    with open(hidden, 'w', encoding='utf-8') as f:
        f.writelines(json.dumps(r) + '\n' for r in rows)
    os.rename(hidden, path)


def hook_sql(port, more=''):
    return """
CREATE TABLE readings (machine STRING, temp DOUBLE) USING json OPTIONS (path '%s/in');
CREATE ALERT hot COMMENT '{machine} has {temp} degrees' SEVERITY critical KEY (machine)
  WHEN temp > 90
  DO WEBHOOK OPTIONS (url 'http://127.0.0.1:%d/hook?secret=tell-nobody',
                      retryFirst '20 milliseconds', retryMax '100 milliseconds')
  AS SELECT machine, temp FROM STREAM readings;
%s""" % (TMP, port, more)


def deliveries(key=None):
    with Hook.lock:
        return [b for b in Hook.got.values()
                if key is None or b['instances'][0]['key'] == {'machine': key}]


def web_hooks_and_kills(port):
    """Each transition is delivered once by key, whatever fails or dies."""
    sql = hook_sql(port)
    job = Job(sql)
    add('a.json', [{'machine': 'm1', 'temp': 95.5}, {'machine': 'm2', 'temp': 20}])
    wait('the first delivery', lambda: deliveries('m1'))
    body = deliveries('m1')[0]
    expect('status', body['status'] == 'firing' and body['severity'] == 'critical', body)
    expect('summary', body['summary'] == 'm1 has 95.5 degrees', body)
    expect('row', body['instances'][0]['row'] == {'machine': 'm1', 'temp': 95.5}, body)
    expect('only m1 fires', job.states('hot') == {'{"machine": "m1"}': 'firing'},
           job.states('hot'))
    status, answer = job.ask('alerts/hot/ack', 'POST', {'key': {'machine': 'm1'}, 'by': 'ann',
                                                       'comment': 'looking'})
    expect('acknowledged', (status, answer) == (200, {'acknowledged': 1}), answer)
    expect('no such key', job.ask('alerts/hot/ack', 'POST', {'key': {'machine': 'm9'}})[0] == 404)
    expect('no such alert', job.ask('alerts/none/ack', 'POST', {})[0] == 404)
    shown = json.dumps(job.ask('alerts')[1]) + json.dumps(job.ask('queries')[1]) + \
        json.dumps(job.ask('alerts/hot/deliveries')[1])
    expect('no secret is shown', 'tell-nobody' not in shown, shown)
    job.kill()
    for i in range(6):  # transitions while it dies again and again
        job = Job(sql)
        add('k%d.json' % i, [{'machine': 'k%d' % i, 'temp': 100},
                             {'machine': 'm2', 'temp': 99 if i % 2 == 0 else 1}])
        wait('%d is taken' % i, lambda: '{"machine": "k%d"}' % i in job.states('hot'))
        job.kill()
    job = Job(sql)
    known = wait('the states of before', lambda: job.states('hot') and job.alert('hot')) or {}
    m1 = [i for i in known.get('instances', []) if i['key'] == {'machine': 'm1'}]
    expect('m1 fires still, and is acknowledged',
           bool(m1) and m1[0]['state'] == 'firing' and m1[0]['acknowledgedBy'] == 'ann', m1)
    add('b.json', [{'machine': 'm1', 'temp': 50}])
    wait('m1 is over', lambda: [b for b in deliveries('m1') if b['status'] == 'resolved'])
    wait('all is delivered', lambda: job.alert('hot')['deliveries']['waiting'] == 0)
    count = {}
    for b in deliveries():
        at = (b['instances'][0]['key']['machine'], b['status'])
        count[at] = count.get(at, 0) + 1
    want = {('m1', 'firing'): 1, ('m1', 'resolved'): 1, ('m2', 'firing'): 3,
            ('m2', 'resolved'): 3}
    want.update({('k%d' % i, 'firing'): 1 for i in range(6)})
    expect('each transition once', count == want, count)
    history = [(h['key']['machine'], h['what']) for h in job.ask('alerts/hot/history')[1]['items']]
    expect('history', sorted(history) == sorted(k for k, n in want.items() for _ in range(n)),
           history)
    _, err = job.stop()
    expect('no secret in the log', 'tell-nobody' not in err, err)


def dead_letters(port):
    sql = hook_sql(port).replace('/hook?', '/wrong?')
    job = Job(sql, 'cp-dead')
    wait('a dead letter', lambda: job.alert('hot').get('deliveries', {}).get('dead'))
    dead = job.ask('alerts/hot/deliveries?state=dead')[1]['items']
    expect('its reason', bool(dead) and dead[0]['error'] == 'HTTP status 404', dead)
    expect('a state that there is not', job.ask('alerts/hot/deliveries?state=x')[0] == 400)
    _, err = job.stop()
    expect('said in the log', 'is given up' in err, err)


def times(port):
    """FOR waits, KEEP FIRING lingers, silence holds deliveries back."""
    del port
    listing = os.path.join(TMP, 'commands')
    out = os.path.join(TMP, 'ran')
    script = os.path.join(TMP, 'script')
    with open(script, 'w', encoding='utf-8') as f:
        f.write('#!/bin/sh\ncat >>"$1"; echo >>"$1"\n')
    os.chmod(script, 0o755)
    with open(listing, 'w', encoding='utf-8') as f:
        f.write('# what alerts may run\nnote = %s %s\n' % (script, out))
    sql = """
CREATE TABLE readings (machine STRING, temp DOUBLE) USING json OPTIONS (path '%s/in2');
CREATE ALERT slow KEY (machine) WHEN temp > 90 FOR INTERVAL 1 SECOND
  KEEP FIRING FOR INTERVAL 1 SECOND DO COMMAND note ON FIRING, LOG
  AS SELECT machine, temp FROM STREAM readings;
""" % TMP
    os.makedirs(os.path.join(TMP, 'in2'))
    add('../in2/a.json', [{'machine': 'a', 'temp': 95}])
    job = Job(sql, 'cp-times', {'HEADRACE_ALERT_COMMANDS': listing})
    wait('pending', lambda: job.states('slow').get('{"machine": "a"}') == 'pending' or
         job.states('slow').get('{"machine": "a"}') == 'firing')
    wait('firing', lambda: job.states('slow').get('{"machine": "a"}') == 'firing')
    wait('the command ran', lambda: os.path.exists(out) and '"firing"' in open(out).read())
    expect('silenced', job.ask('alerts/slow/silence', 'POST', {'seconds': 60})[0] == 200)
    add('../in2/b.json', [{'machine': 'a', 'temp': 1}])
    wait('resolved', lambda: job.states('slow').get('{"machine": "a"}') == 'resolved')
    what = [h['what'] for h in job.ask('alerts/slow/history')[1]['items']]
    expect('silence is in the history', what == ['resolved, silenced', 'firing'], what)
    _, err = job.stop()
    expect('one line', err.count('alert slow: {') == 1, err)
    run = subprocess.run([PROGRAM, 'sql', '-e', sql.replace('note', 'rm')], text=True,
                         capture_output=True, env=dict(os.environ, HEADRACE_ALERT_COMMANDS=listing))
    expect('a command that is not allowed', 'COMMAND rm is not among' in run.stderr, run.stderr)


def examples(port):
    """The second SQL text of each page of the docs runs over tables of that name."""
    del port
    tables = """
CREATE TABLE payments (card STRING) USING json OPTIONS (path '%s/in3');
CREATE OR REPLACE TABLE sales (day DATE, country STRING, n INT);
""" % TMP
    os.makedirs(os.path.join(TMP, 'in3'))
    root = os.environ.get('HR_ROOT') or os.path.dirname(os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))))
    for page in ('ALERTS', 'DASHBOARDS'):
        with open(os.path.join(root, 'docs', page + '.md'), encoding='utf-8') as f:
            example = re.findall(r'```sql\n(.*?)```', f.read(), re.S)[1]
        path = os.path.join(TMP, 'example.sql')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(tables + example)
        run = subprocess.run([PROGRAM, 'run', path, '--available-now'], text=True, timeout=60,
                             capture_output=True, env=dict(os.environ, BANK_TOKEN='t'))
        expect('example of ' + page, run.returncode == 0, run.stderr)


def complete(port):
    """A key that a complete result has no longer resolves; what waits survives a kill."""
    del port
    sql = """
CREATE TABLE readings (machine STRING, temp DOUBLE) USING json OPTIONS (path '%s/in4');
CREATE ALERT low KEY (machine) OPTIONS (outputMode 'complete') AS
  SELECT machine, avg(temp) AS temp FROM STREAM readings GROUP BY machine HAVING avg(temp) < 10;
CREATE ALERT waits KEY (machine) WHEN temp < 10 FOR INTERVAL 3 SECONDS AS
  SELECT machine, temp FROM STREAM readings;
""" % TMP
    os.makedirs(os.path.join(TMP, 'in4'))
    add('../in4/a.json', [{'machine': 'a', 'temp': 1}])
    job = Job(sql, 'cp-complete')
    wait('it fires', lambda: job.states('low').get('{"machine": "a"}') == 'firing')
    wait('it waits', lambda: '{"machine": "a"}' in job.states('waits'))
    job.kill()
    job = Job(sql, 'cp-complete')
    wait('what waited fires', lambda: job.states('waits').get('{"machine": "a"}') == 'firing')
    add('../in4/b.json', [{'machine': 'a', 'temp': 100}])
    wait('it is over', lambda: job.states('low').get('{"machine": "a"}') == 'resolved')
    wait('the other, too', lambda: job.states('waits').get('{"machine": "a"}') == 'resolved')
    history = [h['what'] for h in job.ask('alerts/low/history')[1]['items']]
    expect('once each', history == ['resolved', 'firing'], history)
    job.stop()


def dashboards(port):
    del port
    sql = """
CREATE OR REPLACE TABLE sales (day DATE, country STRING, n INT);
INSERT INTO sales VALUES (DATE'2026-01-01', 'DE', 3), (DATE'2026-01-02', 'FR', 5),
  (DATE'2026-01-02', 'DE', 4);
CREATE TABLE numbers USING rate OPTIONS (rowsPerSecond '5');
CREATE STREAMING TABLE counted USING memory OPTIONS (outputMode 'complete')
  AS SELECT count(*) AS n FROM STREAM numbers;
CREATE DASHBOARD shop COMMENT 'Sales' AS TILES (
  per_day USING stacked AS (SELECT day, country, sum(n) AS n FROM sales GROUP BY day, country
                            ORDER BY day, country),
  total USING number THRESHOLD (warning => 10) OPTIONS (unit 'pieces')
    AS (SELECT sum(n) AS total FROM sales),
  rows USING table ON counted);
"""
    job = Job(sql, 'cp-boards')
    items = wait('the dashboard', lambda: job.ask('dashboards')[1].get('items')) or [{}]
    tiles = items[0].get('tiles', [])
    expect('tiles', [(t['name'], t['kind']) for t in tiles] ==
           [('per_day', 'stacked'), ('total', 'number'), ('rows', 'table')], tiles)
    expect('channels', tiles and tiles[0]['encode'] ==
           {'x': 'day', 'y': 'n', 'series': 'country'}, tiles)
    status, rows = job.ask('dashboards/shop/tiles/per_day')
    expect('rows', status == 200 and rows['rows'] == [
        ['2026-01-01', 'DE', '3'], ['2026-01-02', 'DE', '4'], ['2026-01-02', 'FR', '5']], rows)
    expect('the number', job.ask('dashboards/shop/tiles/total')[1].get('rows') == [['12']])
    wait('a streaming table grows', lambda: (job.ask('dashboards/shop/tiles/rows')[1].get('rows')
                                             or [['0']])[0][0] not in ('0', '1'))
    expect('no such tile', job.ask('dashboards/shop/tiles/none')[0] == 404)
    job.stop()


def main():
    os.makedirs(os.path.join(TMP, 'in'))
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    only = sys.argv[1:]
    for part in (web_hooks_and_kills, dead_letters, times, complete,
                 dashboards, examples):
        if only and part.__name__ not in only:
            continue
        try:
            part(server.server_port)
        except (OSError, http.client.HTTPException) as e:
            failures.append('%s: %s: %s' % (part.__name__, e, Job.last.stop()[1]))
    server.shutdown()
    for f in failures:
        print(f)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
