#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The server of `headrace run --ui`: REST, metrics, events; and requests that it must refuse."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

PROGRAM, TMP = os.environ['HEADRACE'], os.environ['HR_TMP']
JOB = """
CREATE TABLE payments USING generator OPTIONS (rowsPerSecond '2000');
CREATE STREAMING TABLE sums USING memory OPTIONS (outputMode 'complete', trigger '100 milliseconds')
AS SELECT country AS k, count(*) AS n FROM STREAM payments GROUP BY country;
CREATE STREAMING TABLE windows USING noop OPTIONS (outputMode 'update', trigger '50 milliseconds')
AS SELECT window(ts, '10 seconds') AS w, count(*) AS n FROM STREAM payments
WATERMARK ts DELAY OF INTERVAL 5 SECONDS GROUP BY window(ts, '10 seconds');
"""
failures = []


def check(what, got, expected):
    if got != expected:
        failures.append('%s\n  got      %r\n  expected %r' % (what, got, expected))


def expect(what, holds, shown=''):
    if not holds:
        failures.append('%s %r' % (what, shown))


class Server:
    """A job with its page, on a port that the system chose."""

    def __init__(self, *args, job=JOB):
        path = os.path.join(TMP, 'job.sql')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(job)
        self.process = subprocess.Popen([PROGRAM, 'run', path, '--ui', '127.0.0.1:0', *args],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        if 'without libmicrohttpd' in line:
            print('skipped: this build has no server')
            sys.exit(77)
        self.port = int(re.search(r':(\d+)/', line).group(1))
        self.host = 'localhost:%d' % self.port

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.process.send_signal(signal.SIGINT)
        try:
            out, err = self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            failures.append('the job did not end')
            return
        check('exit status ' + err, self.process.returncode, 0)

    def ask(self, path, method='GET', body=None, headers=None, host=None):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        connection.putheader('Host', host or self.host)
        if body is not None and 'Content-Type' not in (headers or {}):
            connection.putheader('Content-Type', 'application/json')
        if body is not None:
            connection.putheader('Content-Length', str(len(body)))
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders(body.encode() if body is not None else None)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), text

    def json(self, path, **kw):
        status, headers, text = self.ask(path, **kw)
        check(path, (status, headers['content-type']), (200, 'application/json'))
        return json.loads(text)

    def wait(self, path, done):
        for _ in range(200):
            answer = self.json(path)
            if done(answer):
                return answer
            time.sleep(0.05)
        failures.append('%s did not get there: %r' % (path, answer))
        return answer


def test_queries(server):
    both = server.wait('/api/v1/queries', lambda a: len(a['items']) == 2 and
                       all(q['epochs'] > 15 for q in a['items']))['items']
    check('queries', [(q['name'], q['state'], q['job']) for q in both],
          [('sums', 'running', 'job.sql'), ('windows', 'running', 'job.sql')])
    for q in both:
        base = '/api/v1/queries/' + q['runId']
        detail = server.json(base)
        check('by name', server.json('/api/v1/queries/' + q['name'].upper())['runId'], q['runId'])
        expect('sql', detail['sql'].startswith('CREATE STREAMING TABLE'), detail['sql'])
        last = detail['lastProgress']
        check('report', (last['runId'], last['name']), (q['runId'], q['name']))
        operators = detail['description']['operators']
        ids = {o['id'] for o in operators}
        expect('a tree', all(c in ids for o in operators for c in o['children']), operators)
        expect('a source', any('source' in o for o in operators), operators)
        expect('a state', any('stateId' in o for o in operators), operators)
        progress = server.json(base + '/progress?limit=5')['items']
        expect('in order', [p['batchId'] for p in progress] ==
               sorted(p['batchId'] for p in progress) and 0 < len(progress) <= 5, progress)
        epochs = server.json(base + '/epochs?limit=7')['items']
        numbers = [e['epoch'] for e in epochs]
        check('epochs, newest first', numbers, list(range(numbers[0], numbers[0] - 7, -1)))
        sources = server.json(base + '/sources')
        check('a source', (sources['declared'][0]['kind'], len(sources['last'])), ('generator', 1))
        expect('state', server.json(base + '/state')['last'][0]['numRowsTotal'] > 0)
        expect('sink', server.json(base + '/sinks')['declared']['kind'] in ('memory', 'noop'))
        check('errors', server.json(base + '/errors'), {'count': 0, 'items': []})
        text = server.ask(base + '/plan?format=text')
        expect('plan', 'Scan' in text[2] and text[1]['content-type'].startswith('text/plain'), text)


def test_samples(server):
    """The figures of all stretches are those of the epochs."""
    def sums(a):
        return sum(a['inputRows']), sum(a['epochs'])
    before = server.json('/api/v1/queries/windows')
    for seconds in (600, 10000, 172800):
        samples = server.json('/api/v1/queries/windows/samples?seconds=%d' % seconds)
        after = server.json('/api/v1/queries/windows')
        rows, epochs = sums(samples)
        expect('rows', before['inputRows'] <= rows <= after['inputRows'], (rows, before, after))
        expect('epochs', before['epochs'] <= epochs <= after['epochs'], (epochs, before, after))
        check('columns', {len(v) for v in samples.values() if isinstance(v, list)},
              {len(samples['t'])})
        expect('quantiles', all(0 < a <= b <= c for a, b, c in
                                zip(samples['p50Us'], samples['p99Us'], samples['maxUs'])), samples)


def test_metrics(server):
    plain = server.ask('/metrics')
    expect('0.0.4', plain[1]['content-type'].startswith('text/plain; version=0.0.4'), plain[1])
    status, headers, text = server.ask('/metrics',
                                       headers={'Accept': 'application/openmetrics-text'})
    expect('openmetrics', headers['content-type'].startswith('application/openmetrics-text'))
    check('end', text.endswith('# EOF\n'), True)
    families = {}
    for line in text.splitlines():
        if line.startswith('# TYPE '):
            _, _, name, kind = line.split()
            expect('once', name not in families, name)
            families[name] = kind
        elif not line.startswith('#'):
            sample = re.match(r'([a-z0-9_]+)(\{[^}]*\})? [-+0-9.e]+$', line, re.I)
            expect('a sample', sample, line)
            name = sample.group(1)
            base = re.sub(r'_(total|bucket|count|sum|info)$', '', name)
            expect('has a family', base in families or name in families, line)
    check('a counter', families['headrace_query_input_rows'], 'counter')
    epochs = int(re.search(r'headrace_query_epochs_total\{job="job.sql",query="sums"\} (\d+)',
                           text).group(1))
    counted = re.search(r'duration_seconds_bucket\{job="job.sql",query="sums",le="\+Inf"\} (\d+)',
                        text)
    check('+Inf', int(counted.group(1)), epochs)
    buckets = [int(n) for n in re.findall(
        r'duration_seconds_bucket\{job="job.sql",query="sums",le="[0-9.eE+-]+"\} (\d+)', text)]
    check('buckets grow', buckets, sorted(buckets))


class Events:
    def __init__(self, server, topics='', last=None):
        self.socket = socket.create_connection(('127.0.0.1', server.port), timeout=30)
        extra = 'Last-Event-ID: %s\r\n' % last if last else ''
        self.socket.sendall(('GET /api/v1/events%s HTTP/1.0\r\nHost: %s\r\n%s\r\n' %
                             (topics and '?topics=' + topics, server.host, extra)).encode())
        self.file = self.socket.makefile('r', encoding='utf-8', newline='\n')
        while self.file.readline().strip():
            pass

    def next(self):
        event = {}
        for line in self.file:
            line = line.rstrip('\n')
            if not line:
                if 'event' in event:
                    return event
                continue
            name, _, value = line.partition(': ')
            event[name] = value
        return None


def test_events(server):
    run_id = server.json('/api/v1/queries/sums')['runId']
    events = Events(server, 'queries,samples,query:' + run_id)
    check('hello', events.next()['event'], 'hello')
    seen, last = set(), None
    while not {'samples', 'query'} <= seen:
        event = events.next()
        data = json.loads(event['data'])
        seen.add(event['event'])
        last = event['id']
        if event['event'] == 'query':
            check('the query', (data['runId'], data['progress']['name']), (run_id, 'sums'))
        if event['event'] == 'samples':
            expect('figures', len(data['q'][run_id]) > 10, data)
    # gone on behind the last that was seen: nothing is missing, nothing comes twice
    again = Events(server, 'samples,query:' + run_id, last)
    again.next()
    following = again.next()
    check('goes on', int(following['id'].split('-')[1]) - int(last.split('-')[1]) in (1, 2), True)
    other = Events(server, 'samples', 'feedfeedfeedfeed-7')
    other.next()
    check('of another server', other.next()['event'], 'resync')


def test_refused(server):
    good = {'Origin': 'http://' + server.host}
    for host in ('evil.example', 'evil.example:%d' % server.port, '127.0.0.1', 'localhost:1',
                 'localhost.evil.example:%d' % server.port):
        for method in ('GET', 'POST', 'DELETE', 'PUT'):
            check('Host ' + host, server.ask('/api/v1/queries', method=method, host=host)[0], 421)
    for path in ('/', '/healthz', '/metrics', '/assets/x/y'):
        check('Host on ' + path, server.ask(path, host='evil.example')[0], 421)
    for origin in ('http://evil.example', 'null', 'https://' + server.host, 'http://localhost'):
        for method, path in (('GET', '/api/v1/queries'), ('POST', '/api/v1/queries/sums/stop'),
                             ('DELETE', '/api/v1/session')):
            check('Origin ' + origin, server.ask(path, method=method,
                                                 headers={'Origin': origin})[0], 403)
    check('own Origin', server.ask('/api/v1/queries', headers=good)[0], 200)
    for site in ('cross-site', 'same-site'):
        check(site, server.ask('/api/v1/queries', headers={'Sec-Fetch-Site': site})[0], 403)
    check('a link to the page', server.ask('/', headers={'Sec-Fetch-Site': 'cross-site'})[0], 200)
    stop = '/api/v1/queries/sums/stop'
    check('a form', server.ask(stop, method='POST', body='a=1',
                               headers={'Content-Type': 'text/plain'})[0], 415)
    check('a wrong type', server.ask(stop, method='POST', body='{}',
                                     headers={'Content-Type': 'application/jsonp'})[0], 415)
    for body in ('{"atOnce":1}', '{"atonce":true}', '[]', '{', '{"a":1}', '{"atOnce":tru}',
                 '[' * 5000, '{"atOnce":"\\u12"}', '\xff{}'):
        check('body ' + body[:20], server.ask(stop, method='POST', body=body)[0], 400)
    check('unknown', server.ask('/api/v1/nothing')[0], 404)
    check('unknown query', server.ask('/api/v1/queries/nobody')[0], 404)
    status, headers, text = server.ask('/api/v1/queries', method='DELETE')
    check('method', (status, headers['allow']), (405, 'GET'))
    problem = json.loads(text)
    check('a problem', (headers['content-type'], problem['status'], problem['title']),
          ('application/problem+json', 405, 'Method Not Allowed'))
    for path in ('/../../etc/passwd', '/assets/../../etc/passwd',
                 '/assets/%2e%2e/%2e%2e/etc/passwd',
                 '/assets/x/..%2f..%2fetc%2fpasswd', '/%2e%2e/%2e%2e/etc/passwd', '/etc/passwd',
                 '/assets//etc/passwd', '/api/v1/queries/..%2f..'):
        status, _, text = server.ask(path)
        expect('outside ' + path, status in (404, 400) and 'root:' not in text, (status, text))
    for query in ('seconds=0', 'seconds=x', 'seconds=-5', 'seconds=99999999999999999999'):
        check(query, server.ask('/api/v1/queries/sums/samples?' + query)[0], 400)


def raw(server, data, wait=20):
    with socket.create_connection(('127.0.0.1', server.port), timeout=wait) as s:
        s.sendall(data)
        out = b''
        try:
            while True:
                part = s.recv(65536)
                if not part:
                    return out
                out += part
        except socket.timeout:
            return out + b'(still open)'
        except ConnectionError:
            return out


def test_rude(server):
    head = 'POST /api/v1/queries/sums/stop HTTP/1.1\r\nHost: %s\r\n' % server.host
    json_head = head + 'Content-Type: application/json\r\n'
    huge = raw(server, (json_head + 'Content-Length: 2000000\r\n\r\n').encode(), 5)
    expect('a huge body', b' 413 ' in huge, huge[:100])
    negative = raw(server, (json_head + 'Content-Length: -1\r\nConnection: close\r\n\r\n').encode(),
                   5)
    expect('a negative length', b' 202 ' not in negative, negative[:100])
    chunk = b'ffff\r\n' + b' ' * 65535 + b'\r\n'
    big = raw(server, (json_head + 'Transfer-Encoding: chunked\r\n\r\n').encode() + chunk * 40, 5)
    expect('a huge body in chunks', b' 202 ' not in big and b'still open' not in big, big[:100])
    long = raw(server, b'GET /healthz HTTP/1.1\r\nHost: %s\r\nX: ' % server.host.encode() +
               b'a' * 100000 + b'\r\n\r\n', 5)
    expect('a long header', b' 200 ' not in long, long[:100])
    for junk in (b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc', b'\r\n\r\n', b'GET\r\n\r\n',
                 b'GET / HTTP/1.1\r\n\r\n', b'\0' * 64 + b'\r\n\r\n'):
        expect('junk %r' % junk, b' 200 ' not in raw(server, junk, 2), junk)
    check('alive', server.ask('/healthz')[0], 200)


def test_slow_loris(server):
    """Connections that send nothing are ended, and do not keep others out."""
    idle = [socket.create_connection(('127.0.0.1', server.port), timeout=30) for _ in range(200)]
    for s in idle:
        s.sendall(b'GET /healthz HTTP/1.1\r\nHost:')
    check('answered beside them', server.ask('/healthz')[0], 200)
    began = time.monotonic()
    open_ones = set(idle)
    while open_ones and time.monotonic() - began < 25:
        for s in list(open_ones):
            s.settimeout(0.001)
            try:
                s.send(b' ')  # a byte now and then
                if s.recv(100) == b'':
                    open_ones.discard(s)
            except (BlockingIOError, socket.timeout):
                pass
            except OSError:
                open_ones.discard(s)
        time.sleep(0.5)
    check('ended', len(open_ones), 0)
    for s in idle:
        s.close()


def test_description(server):
    """Every route of the description answers: with what it says, or with a problem."""
    described = server.json('/api/v1/openapi.json')
    check('openapi', described['openapi'], '3.1.0')
    expect('routes', len(described['paths']) > 15, list(described['paths']))
    for path, methods in described['paths'].items():
        for method, operation in methods.items():
            expect('a summary', operation['summary'] and operation['tags'], path)
            if path == '/api/v1/events' or method != 'get':
                continue
            status, headers, text = server.ask(re.sub(r'\{[^}]*\}', 'nobody', path))
            expect('%s %s' % (method, path), status in (200, 404) and
                   (path == '/metrics' or json.loads(text)), (status, text[:100]))
            check('csp ' + path, "default-src 'none'" in headers['content-security-policy'], True)
    for name in ('version', 'environment', 'settings'):
        expect(name, server.json('/api/v1/' + name))


def test_stop(server):
    check('stop', server.ask('/api/v1/queries/windows/stop', method='POST', body='{}')[0], 202)
    ended = server.wait('/api/v1/queries/windows', lambda q: q['state'] == 'stopped')
    expect('kept', ended['endedAt'] and ended['epochs'] > 0, ended)
    check('again', server.ask('/api/v1/queries/windows/stop', method='POST', body='{}')[0], 409)
    check('the other runs', server.json('/api/v1/queries/sums')['state'], 'running')


def top(*args):
    return subprocess.run([PROGRAM, 'top', *args], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)


def test_tokens():
    tokens = os.path.join(TMP, 'tokens')
    with open(tokens, 'w', encoding='utf-8') as f:
        f.write('# who may what\nread 0123456789abcdef-read\nwrite 0123456789abcdef-write\n'
                '0123456789abcdef-plain\n')
    with Server('--ui-token-file', tokens, '--ui-host', 'box.example,other:81') as server:
        url = 'http://127.0.0.1:%d' % server.port
        shown = top('--url', url, '--token-file', tokens, '-n', '2', '--every', '0.1')
        check('top with a token', (shown.returncode, shown.stdout.count('QUERY ')), (0, 2))
        denied = top('--url', url)
        check('top without a token', denied.returncode, 1)
        expect('top says why', 'HTTP status 401' in denied.stderr, denied.stderr)
        check('health', server.ask('/healthz')[0], 200)
        check('the page', server.ask('/')[0], 200)
        for headers in ({}, {'Authorization': 'Bearer wrong'}, {'Authorization': 'Bearer '},
                        {'Authorization': 'Bearer 0123456789abcdef-rea'},
                        {'Authorization': 'Basic 0123456789abcdef-read'},
                        {'Cookie': 'headrace_login=' + 'a' * 64}, {'Cookie': 'headrace_login=x'}):
            for path in ('/api/v1/queries', '/metrics', '/api/v1/events', '/api/v1/openapi.json'):
                check('%s %r' % (path, headers), server.ask(path, headers=headers)[0], 401)
        def bearer(name):
            return {'Authorization': 'Bearer 0123456789abcdef-' + name}
        check('read', server.ask('/api/v1/queries', headers=bearer('read'))[0], 200)
        check('read may not stop', server.ask('/api/v1/queries/sums/stop', method='POST',
                                              headers=bearer('read'))[0], 403)
        check('a name', server.ask('/healthz', host='box.example:%d' % server.port)[0], 200)
        check('a name with a port', server.ask('/healthz', host='other:81')[0], 200)
        check('another port', server.ask('/healthz', host='other:82')[0], 421)
        status, headers, text = server.ask('/api/v1/session', method='POST',
                                           body='{"token":"0123456789abcdef-read"}')
        check('log in', (status, json.loads(text)['role']), (200, 'read'))
        cookie = headers['set-cookie']
        expect('a safe cookie', 'HttpOnly' in cookie and 'SameSite=Strict' in cookie, cookie)
        mine = {'Cookie': 'a=b; ' + cookie.split(';')[0]}
        check('by cookie', server.ask('/api/v1/queries', headers=mine)[0], 200)
        check('log out', server.ask('/api/v1/session', method='DELETE', headers=mine)[0], 200)
        check('logged out', server.ask('/api/v1/queries', headers=mine)[0], 401)
        check('a wrong token', server.ask('/api/v1/session', method='POST',
                                          body='{"token":"no"}')[0], 401)


def test_usage():
    job = os.path.join(TMP, 'job.sql')
    short = os.path.join(TMP, 'short')
    with open(short, 'w', encoding='utf-8') as f:
        f.write('secret\n')
    for args, part in ((('--ui', '0.0.0.0:0'), 'token'), (('--ui', 'nowhere'), 'HOST:PORT'),
                       (('--ui', 'some.host:80'), 'address'), (('--ui', '127.0.0.1:70000'), 'HOST'),
                       (('--ui', '127.0.0.1:0', '--ui-cert', 'x'), 'key'),
                       (('--ui', '127.0.0.1:0', '--ui-token-file', short), 'short:1'),
                       (('--ui', '127.0.0.1:0', '--ui-token-file', short + 'x'), 'shortx'),
                       (('--ui', 'off', '--ui-host', 'x'), 'off')):
        done = subprocess.run([PROGRAM, 'run', job, *args], stdin=subprocess.DEVNULL, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        expect(str(args), done.returncode in (1, 2) and part in done.stderr, done.stderr)
    taken = socket.create_server(('127.0.0.1', 0))
    done = subprocess.run([PROGRAM, 'run', job, '--ui', '127.0.0.1:%d' % taken.getsockname()[1]],
                          stdin=subprocess.DEVNULL, timeout=60, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    expect('a port that is taken', done.returncode == 1 and 'taken' in done.stderr, done.stderr)


def main():
    with Server() as server:
        for test in (test_queries, test_samples, test_metrics, test_events, test_refused, test_rude,
                     test_slow_loris, test_description, test_stop):
            test(server)
    test_tokens()
    test_usage()
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
