#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The README's walk-throughs as a user does them, and what happens when something is wrong."""
import csv
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

PROGRAM = os.environ['HEADRACE']
ROOT = os.environ.get('HR_ROOT', os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
TMP = os.environ.get('HR_TMP', '.')
LIMIT = 60 * (int(os.environ.get('HR_TEST_TIMEOUT', '60')) // 60 or 1)
failures = []


def check(what, got, expected):
    if got != expected:
        failures.append('%s\n  got      %.2000r\n  expected %.2000r' % (what, got, expected))


def contains(what, text, *parts):
    for part in parts:
        if part not in text:
            failures.append('%s\n  %.2000r\n  lacks %r' % (what, text, part))


def room(name):
    path = os.path.join(TMP, name)
    os.makedirs(path)
    return path


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(text.encode() if isinstance(text, str) else text)
    return path


def headrace(folder, *args):
    return subprocess.run([PROGRAM, *args], cwd=folder, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT,
                          errors='replace', env=dict(os.environ, TZ='UTC'))


def start(folder, *args):
    return subprocess.Popen([PROGRAM, *args], cwd=folder, stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def done(what, result):
    check(what + ': ' + result.stderr[-1500:], result.returncode, 0)


def until(what, ready):
    end = time.monotonic() + LIMIT
    while not ready():
        if time.monotonic() > end:
            failures.append('%s: not within %d s' % (what, LIMIT))
            return False
        time.sleep(0.05)
    return True


def sink_rows(folder):
    """Rows of a file sink's committed epochs."""
    log, rows, names = os.path.join(folder, '_spark_metadata'), [], set()
    for epoch in os.listdir(log) if os.path.isdir(log) else []:
        if epoch.split('.')[0].isdigit():
            with open(os.path.join(log, epoch), encoding='utf-8') as f:
                names |= {os.path.basename(json.loads(l)['path']) for l in f if l[0] == '{'}
    for name in names:
        with open(os.path.join(folder, name), encoding='utf-8') as f:
            rows += [json.loads(line) for line in f]
    return rows


def rows_of(folder, sql, *args):
    result = headrace(folder, 'sql', '--format', 'json', *args, '-e', sql)
    done(sql[:60], result)
    return [json.loads(line) for line in result.stdout.splitlines()]


def readme(first_line):
    """A block of the README, so that what stands there is what is tried here."""
    with open(os.path.join(ROOT, 'README.md'), encoding='utf-8') as f:
        blocks = re.findall(r'```\w+\n(.*?)```', f.read(), re.S)
    return next(block for block in blocks if block.startswith(first_line))


# --- The walk-throughs ----------------------------------------------------------------------------

def test_first_steps():
    block = readme('$ build/headrace sql -e "SELECT 1 + 1')
    steps = re.findall(r'^\$ build/headrace sql -e "(.*)"\n((?:(?!\$ ).*\n)*)', block, re.M)
    check('steps in the README', len(steps), 2)
    for sql, printed in steps:
        result = headrace(TMP, 'sql', '-e', sql)
        check('README: ' + sql, result.stdout + result.stderr, printed)


def dpkg_log(folder):
    path = os.path.join(folder, 'dpkg.log')
    if os.path.exists('/var/log/dpkg.log') and os.path.getsize('/var/log/dpkg.log'):
        shutil.copy('/var/log/dpkg.log', path)
        return path
    lines = []
    for i in range(3000):
        stamp = '2026-03-%02d %02d:%02d:%02d' % (1 + i // 900, i // 60 % 24, i % 60, i * 7 % 60)
        action = ('install', 'status', 'configure', 'upgrade')[i * 13 % 4]
        lines.append('%s %s lib%d:amd64 <none> 1.%d' % (stamp, action, i % 97, i))
    return write(folder, 'dpkg.log', '\n'.join(lines) + '\n')


def test_packages_by_hour():
    folder = room('dpkg')
    log = dpkg_log(folder)
    counts = {}
    with open(log, encoding='utf-8', errors='replace') as f:
        for line in f:
            if line.split(' ')[2:3] == ['install']:
                counts[line[:13]] = counts.get(line[:13], 0) + 1
    expected = [{'start': hour.replace(' ', 'T') + ':00:00.000Z', 'n': n}
                for hour, n in sorted(counts.items())]
    job = readme('-- packages.sql').replace('/var/log/dpkg.log', log)
    write(folder, 'packages.sql', job)
    result = headrace(folder, 'run', 'packages.sql', '--available-now')
    done('packages.sql', result)
    printed = re.findall(r'\|\s*(\d+)\s*\|', result.stdout)
    check('packages.sql prints', [int(n) for n in printed], [row['n'] for row in expected])

    query = ("SELECT hour.start AS start, n FROM (SELECT window(ts, '1 hour') AS hour, "
             "count(*) AS n FROM actions WHERE action = 'install' GROUP BY window(ts, '1 hour'))")
    setup = job[:job.index('CREATE STREAMING TABLE')]
    write(folder, 'stream.sql', setup + "CREATE STREAMING TABLE hours USING json OPTIONS "
          "(path 'hours', outputMode 'complete', allowUpdates 'true') AS\n  %s;\n" % query)
    done('stream.sql', headrace(folder, 'run', 'stream.sql', '--available-now'))
    batch = rows_of(folder, setup.replace('STREAM dpkg', 'dpkg') + query + ' ORDER BY start')
    check('the batch against Python', batch, expected)
    check('the stream against the batch',
          sorted(sink_rows(os.path.join(folder, 'hours')), key=lambda row: row['start']), batch)


class Server:
    """In place of `nc -lk`: gives each client the text, then keeps the connection open."""

    def __init__(self, lines):
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.port, self.lines, self.clients = self.socket.getsockname()[1], lines, []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            self.clients.append(client)
            for line in self.lines:
                client.sendall(line)
                time.sleep(0.01)

    def close(self):
        for client in self.clients:
            client.close()
        self.socket.close()


def watch(process, lines):
    """Reads a program's output in the background."""
    def read():
        for line in process.stdout:
            lines.append(line.rstrip('\n'))
    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def ended(what, process, signal_number=signal.SIGINT):
    process.send_signal(signal_number)
    try:
        check(what, process.wait(timeout=LIMIT), 0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        failures.append(what + ': does not end')
    return process.stderr.read()


def test_socket_words():
    folder = room('socket')
    server = Server([b'to be or\n', b'not to', b' be\n', 'déjà vu\n'.encode()])
    write(folder, 'words.sql', readme('-- words.sql').replace("'9999'", "'%d'" % server.port))
    process, lines = start(folder, 'run', 'words.sql'), []
    watch(process, lines)

    def counts():
        found = {}
        for line in lines:
            match = re.match(r'\|\s*(\S+)\|\s*(\d+)\|', line)
            if match:
                found[match.group(1)] = int(match.group(2))
        return found

    expected = {'to': 2, 'be': 2, 'or': 1, 'not': 1, 'déjà': 1, 'vu': 1}
    if not until('words', lambda: counts() == expected):
        check('words', counts(), expected)
    ended('Ctrl-C after words', process)
    server.close()


def test_directory():
    folder = room('orders')
    os.makedirs(os.path.join(folder, 'in'))
    write(folder, 'orders.sql', readme('-- orders.sql'))

    def order(number, minute, second, price):
        return json.dumps({'id': number, 'item': 'tea', 'price': price,
                           'ts': '2026-01-01 10:%02d:%02d' % (minute, second)}) + '\n'

    def put(name, text):
        write(folder, name, text)
        os.rename(os.path.join(folder, name), os.path.join(folder, 'in', name))

    command = ('run', 'orders.sql', '--checkpoint', 'checkpoints')
    process = start(folder, *command)
    put('a.json', order(1, 0, 5, 1.5) + order(2, 0, 6, 2.25))
    put('b.json', order(3, 2, 0, 4))
    sales = os.path.join(folder, 'out', 'sales')
    until('the first minute', lambda: len(sink_rows(sales)) == 1)

    second = headrace(folder, *command)
    check('a second process', second.returncode, 1)
    contains('a second process', second.stderr, '[HR_CHECKPOINT_BUSY]',
             'checkpoints/sales', 'process %d' % process.pid)

    process.kill()
    process.wait()
    put('c.json', order(4, 2, 1, 6) + order(5, 9, 0, 1))
    done('again', headrace(folder, *command, '--available-now'))
    check('sales', sorted(sink_rows(sales), key=str), [
        {'minute': {'start': '2026-01-01T10:%02d:00.000Z' % m,
                    'end': '2026-01-01T10:%02d:00.000Z' % (m + 1)},
         'item': 'tea', 'n': 2, 'total': total} for m, total in ((0, 3.75), (2, 10.0))])

    shown = headrace(folder, 'checkpoint', 'show', 'checkpoints/sales')
    done('checkpoint show', shown)
    records = [json.loads(line) for line in shown.stdout.splitlines()]
    check('the journal begins with', (records[0]['record'], records[0]['name']), ('META', 'sales'))
    plans = [r['epoch'] for r in records if r['record'] == 'PLAN']
    check('epochs', plans, list(range(len(plans))))
    check('rows read', sum(r['inputRows'] for r in records if r['record'] == 'COMMIT'), 5)
    wrong = headrace(folder, 'checkpoint', 'show', 'nowhere')
    check('checkpoint show of nothing', wrong.returncode, 1)
    contains('checkpoint show of nothing', wrong.stderr, 'nowhere')

    write(folder, 'other.sql', readme('-- orders.sql').replace('count(*)', 'max(id)'))
    other = headrace(folder, 'run', 'other.sql', '--checkpoint', 'checkpoints', '--available-now')
    check("another query's checkpoint", other.returncode, 1)
    contains("another query's checkpoint", other.stderr, '[HR_CHECKPOINT_MISMATCH]', 'max(bigint)')


def test_sensors():
    """/proc/stat, sampled: each processor's counters through a directory."""
    folder = room('sensors')
    os.makedirs(os.path.join(folder, 'in'))
    samples = []
    for i in range(4):
        with open('/proc/stat', encoding='ascii') as f:
            lines = [line.split() for line in f if line.startswith('cpu')]
        sample = [{'cpu': l[0], 'busy': int(l[1]) + int(l[3]), 'idle': int(l[4]),
                   'ts': '2026-01-01 00:00:%02d' % (i * 5)} for l in lines]
        samples += sample
        write(folder, 'in/%d.json' % i, ''.join(json.dumps(row) + '\n' for row in sample))
        time.sleep(0.05)
    write(folder, 'load.sql', """
CREATE TABLE stat (cpu STRING, busy BIGINT, idle BIGINT, ts TIMESTAMP)
  USING json OPTIONS (path 'in', maxFilesPerTrigger '1');
CREATE STREAMING TABLE load USING csv OPTIONS (path 'load', header 'true') AS
  SELECT w.start AS start, cpu, busy, idle, n FROM (
    SELECT window(ts, '10 seconds') AS w, cpu, max(busy) - min(busy) AS busy,
           max(idle) - min(idle) AS idle, count(*) AS n
    FROM STREAM stat WATERMARK ts DELAY OF INTERVAL 5 SECONDS
    GROUP BY window(ts, '10 seconds'), cpu);
""")
    done('load.sql', headrace(folder, 'run', 'load.sql', '--available-now'))
    rows = []
    for name in os.listdir(os.path.join(folder, 'load')):
        if name.endswith('.csv'):
            with open(os.path.join(folder, 'load', name), encoding='utf-8', newline='') as f:
                rows += [(r['cpu'], int(r['busy']), int(r['idle']), int(r['n']))
                         for r in csv.DictReader(f)]
    first = [row for row in samples if row['ts'] < '2026-01-01 00:00:10']
    expected = []
    for cpu in sorted({row['cpu'] for row in first}):
        busy = [row['busy'] for row in first if row['cpu'] == cpu]
        idle = [row['idle'] for row in first if row['cpu'] == cpu]
        expected.append((cpu, max(busy) - min(busy), max(idle) - min(idle), 2))
    check('load by processor', sorted(rows), expected)


# --- Bad input ------------------------------------------------------------------------------------

LONG = 10 * 1000 * 1000


def test_bad_json():
    folder = room('badjson')
    good = ['{"a":1,"s":"x"}', '{"a":2,"s":"é"}']
    bad = [b'{"a":', b'nonsense', b'{"a":"word","s":"y"}', b'{"a":3,"s":"\xff\xfe"}', b'\0\0\0']
    write(folder, 'in.json', (good[0] + '\n').encode() + b'\n'.join(bad) +
          ('\n{"a":9,"s":"%s"}\n' % ('z' * LONG) + good[1] + '\n').encode())
    table = ("CREATE TABLE t (a INT, s STRING, _corrupt_record STRING) USING json "
             "OPTIONS (path 'in.json', mode '%s'); ")
    rows = rows_of(folder, table % 'PERMISSIVE' +
                   'SELECT a, length(s) AS n, _corrupt_record AS c FROM t')
    check('permissive', [(r['a'], r['n'], r['c']) for r in rows], [
        (1, 1, None), (None, None, '{"a":'), (None, None, 'nonsense'),
        (None, 1, '{"a":"word","s":"y"}'), (None, None, '{"a":3,"s":"\ufffd\ufffd"}'),
        (None, None, '\0\0\0'), (9, LONG, None), (2, 1, None)])
    kept = rows_of(folder, table % 'DROPMALFORMED' + 'SELECT a FROM t')
    check('dropmalformed', [r['a'] for r in kept], [1, 9, 2])
    fast = headrace(folder, 'sql', '-e', table % 'FAILFAST' + 'SELECT count(s), max(a) FROM t')
    check('failfast', fast.returncode, 1)
    contains('failfast', fast.stderr, '[MALFORMED_RECORD_IN_PARSING', 'in.json')
    write(folder, 'copy.sql', table % 'DROPMALFORMED' + "CREATE STREAMING TABLE copy USING json "
          "OPTIONS (path 'out') AS SELECT a, length(s) AS n FROM STREAM t;")
    done('as a stream', headrace(folder, 'run', 'copy.sql', '--available-now'))
    check('as a stream', [r['a'] for r in sink_rows(os.path.join(folder, 'out'))], [1, 9, 2])


def test_bad_csv():
    folder = room('badcsv')
    write(folder, 'in.csv', b'a,s\n1,x\nword,y\n2,"q\nr"\n3\n4,\xff\n5,a\0b\n6,' + b'z' * LONG +
          b'\n7,end\n')
    table = ("CREATE TABLE t (a INT, s STRING, _corrupt_record STRING) USING csv "
             "OPTIONS (path 'in.csv', header 'true', multiLine 'true', mode '%s'%s); ")
    wide = ", maxCharsPerColumn '-1'"
    rows = rows_of(folder, table % ('PERMISSIVE', wide) +
                   'SELECT a, length(s) AS n, _corrupt_record AS c FROM t')
    check('permissive', [(r['a'], r['n'], r['c']) for r in rows], [
        (1, 1, None), (None, 1, 'word,y'), (2, 3, None), (3, None, '3'), (4, 1, None),
        (5, 3, None), (6, LONG, None), (7, 3, None)])
    kept = rows_of(folder, table % ('DROPMALFORMED', wide) + 'SELECT a, s FROM t')
    check('dropmalformed', [r['a'] for r in kept], [1, 2, 4, 5, 6, 7])
    fast = headrace(folder, 'sql', '-e', table % ('FAILFAST', wide) + 'SELECT max(a) FROM t')
    check('failfast', fast.returncode, 1)
    contains('failfast', fast.stderr, '[MALFORMED_RECORD_IN_PARSING', 'in.csv')


def test_not_there():
    folder = room('missing')
    write(folder, 'job.sql', "CREATE TABLE t (a INT) USING json OPTIONS (path 'no/such');\n"
          "CREATE STREAMING TABLE o USING noop AS SELECT a FROM STREAM t;")
    gone = headrace(folder, 'run', 'job.sql', '--available-now')
    check('no such path', gone.returncode, 1)
    contains('no such path', gone.stderr, '[PATH_NOT_FOUND]', 'Path does not exist', 'no/such')
    gone = headrace(folder, 'sql', '-e',
                    "CREATE TABLE t (a INT) USING csv OPTIONS (path 'no/such'); SELECT * FROM t")
    check('no such path at rest', gone.returncode, 1)
    contains('no such path at rest', gone.stderr, '[PATH_NOT_FOUND]', 'no/such')
    free = socket.create_server(('127.0.0.1', 0))
    port = free.getsockname()[1]
    free.close()
    for name, options, word in (
            ('socket', "host '127.0.0.1', port '%d'" % port, str(port)),
            ('kafka', "subscribe 'x', 'kafka.bootstrap.servers' '127.0.0.1:%d', "
             "'kafka.socket.connection.setup.timeout.ms' '1000'" % port, str(port))):
        write(folder, name + '.sql', 'CREATE TABLE t USING %s OPTIONS (%s);\n'
              'CREATE STREAMING TABLE %s_out USING noop AS SELECT * FROM STREAM t;\n'
              % (name, options, name))
        began = time.monotonic()
        result = headrace(folder, 'run', name + '.sql', '--available-now')
        if 'built without' in result.stderr:
            continue
        if 'DATA_SOURCE_NOT_FOUND' in result.stderr:  # a build without Kafka
            continue
        check('nobody at the %s: %s' % (name, result.stderr), result.returncode, 1)
        contains('nobody at the ' + name, result.stderr, 'headrace: error: [', word)
        check('in time', time.monotonic() - began < 50, True)


def test_stop():
    folder = room('stop')
    for number in (signal.SIGTERM, signal.SIGINT):
        name = signal.Signals(number).name.lower()
        write(folder, name + '.sql', "CREATE TABLE r USING rate OPTIONS (rowsPerSecond '1000');\n"
              "CREATE STREAMING TABLE %s USING json OPTIONS (path '%s') AS "
              'SELECT value FROM STREAM r;\n' % (name, name))
        process = start(folder, 'run', name + '.sql', '--progress', 'off', '--checkpoint', 'ck')
        out = os.path.join(folder, name)
        until(name + ' writes', lambda: len(sink_rows(out)) > 0)
        ended(name + ' ends it with 0', process, number)
        done('goes on after ' + name,
             headrace(folder, 'run', name + '.sql', '--once', '--checkpoint', 'ck'))
        values = sorted(row['value'] for row in sink_rows(out))
        check('nothing lost or doubled by ' + name, values, list(range(len(values))))


TESTS = [value for name, value in list(globals().items()) if name.startswith('test_')]
for test in TESTS:
    if len(sys.argv) < 2 or sys.argv[1] in test.__name__:
        began_at = time.monotonic()
        try:
            test()
        except Exception as problem:  # the others still tell what they find
            failures.append('%s: %s: %s' % (test.__name__, type(problem).__name__, problem))
        print('%s %.1f s' % (test.__name__, time.monotonic() - began_at))
for failure in failures:
    print(failure)
print('%d failures' % len(failures))
sys.exit(1 if failures else 0)
