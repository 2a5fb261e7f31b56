#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The README's Kafka walk-through against a real broker, kcat as the foreign client.

Payments in, counts out; a restart goes on at the checkpoint's offsets; maxOffsetsPerTrigger; the
raw columns; kill -9 loses nothing and doubles nothing in a file sink.
"""
import collections
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

PROGRAM = os.environ['HEADRACE']
ROOT = os.environ.get('HR_ROOT', os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
TMP = os.path.abspath(os.environ.get('HR_TMP', '.'))
BUILD = os.environ.get('HR_BUILD', os.path.join(ROOT, 'build'))
LIMIT = 120
failures = []


def skip(why):
    print(why)
    sys.exit(77)


def check(what, got, expected):
    if got != expected:
        failures.append('%s\n  got      %.1500r\n  expected %.1500r' % (what, got, expected))


def call(*args, stdin=None, status=0):
    result = subprocess.run(args, cwd=TMP, input=stdin, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, timeout=LIMIT,
                            stdin=None if stdin is not None else subprocess.DEVNULL)
    if result.returncode != status:
        failures.append('%s: status %d\n%s' % (' '.join(args)[:200], result.returncode,
                                               result.stderr.decode(errors='replace')[-1500:]))
    return result.stdout


def broker(*args):
    return subprocess.run([os.path.join(ROOT, 'tools', 'kafka'), '-d', os.path.join(TMP, 'broker'),
                           *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, timeout=250)


def begin():
    for program in ('java', 'mvn', 'kcat'):
        if not shutil.which(program):
            skip('no %s' % program)
    with open(os.path.join(BUILD, 'hr_config.h'), encoding='utf-8') as f:
        if '#define HR_HAVE_RDKAFKA 1' not in f.read():
            skip('built without Kafka')
    installed = broker('install')
    if installed.returncode:
        skip('no Kafka jars: ' + installed.stderr.strip().split('\n')[-1])
    started = broker('start')
    if started.returncode:
        print(started.stderr)
        sys.exit(1)
    return started.stdout.strip().partition('=')[2]


def write(name, text):
    with open(os.path.join(TMP, name), 'w', encoding='utf-8') as f:
        f.write(text)


def produce(topic, lines, *args):
    call('kcat', '-P', '-b', BOOTSTRAP, '-t', topic, *args, stdin=b''.join(lines))


def consume(topic, *args):
    return call('kcat', '-C', '-e', '-q', '-o', 'beginning', '-b', BOOTSTRAP, '-t', topic, *args)


def run(name, *args):
    call(PROGRAM, 'run', name, '--available-now', '--progress', 'off', *args)


def make_topic(name, partitions):
    result = broker('topic', name, str(partitions))
    check('topic %s: %s' % (name, result.stderr), result.returncode, 0)


def readme(first_line):
    with open(os.path.join(ROOT, 'README.md'), encoding='utf-8') as f:
        blocks = re.findall(r'```\w+\n(.*?)```', f.read(), re.S)
    block = next(block for block in blocks if block.startswith(first_line))
    return block.replace('127.0.0.1:PORT', BOOTSTRAP)


def sink_rows(folder):
    log, rows, names = os.path.join(TMP, folder, '_spark_metadata'), [], set()
    for epoch in os.listdir(log) if os.path.isdir(log) else []:
        if epoch.split('.')[0].isdigit():
            with open(os.path.join(log, epoch), encoding='utf-8') as f:
                names |= {os.path.basename(json.loads(l)['path']) for l in f if l[0] == '{'}
    for name in names:
        with open(os.path.join(TMP, folder, name), encoding='utf-8') as f:
            rows += [json.loads(line) for line in f]
    return rows


def commits(name):
    shown = call(PROGRAM, 'checkpoint', 'show', os.path.join('checkpoints', name))
    return [r for r in map(json.loads, shown.splitlines()) if r['record'] == 'COMMIT']


def latest_counts():
    latest = {}
    for line in consume('busy', '-f', '%k\t%s\n').decode().splitlines():
        key, _, value = line.partition('\t')
        value = json.loads(value)
        check('key of a message', key, value['card'])
        latest[key] = max(latest.get(key, 0), value['n'])
    return latest


def test_walkthrough():
    """Payments in, counts out, in two parts with a restart between them."""
    lines = call(PROGRAM, 'generate', 'payments', '--rows', '10000').splitlines(True)
    cards = [json.loads(line)['card'] for line in lines]
    make_topic('payments', 3)
    make_topic('busy', 2)
    write('busy.sql', readme('-- busy.sql').replace('count(*) > 5', 'count(*) > 2'))
    seen = collections.Counter()
    for part in (slice(0, 6000), slice(6000, 10000), slice(0, 0)):
        if lines[part]:
            produce('payments', lines[part])
        run('busy.sql', '--checkpoint', 'checkpoints')
        seen.update(cards[part])
        check('counts after %s' % part, latest_counts(),
              {card: n for card, n in seen.items() if n > 2})
    check('rows read over the restarts', sum(r['inputRows'] for r in commits('busy')), 10000)


def test_limit():
    """maxOffsetsPerTrigger cuts the same input into epochs; each message is in one of them."""
    write('limit.sql', """
CREATE TABLE p (id BIGINT, amount DECIMAL(12,2)) USING kafka OPTIONS (subscribe 'payments',
  'kafka.bootstrap.servers' '%s', startingOffsets 'earliest', format 'json',
  maxOffsetsPerTrigger '3000');
CREATE STREAMING TABLE limited USING json OPTIONS (path 'limited') AS SELECT id FROM STREAM p;
""" % BOOTSTRAP)
    run('limit.sql', '--checkpoint', 'checkpoints')
    check('every message once', sorted(r['id'] for r in sink_rows('limited')), list(range(10000)))
    sizes = [r['inputRows'] for r in commits('limited')]
    check('epochs of at most 3000 and no more than needed: %s' % sizes,
          (max(sizes) <= 3000, len(sizes) in (4, 5)), (True, True))


def test_raw_columns():
    make_topic('raw', 1)
    produce('raw', [b'k1:one\n', b'k2:zw\xc3\xb6lf\n'], '-K', ':')
    produce('raw', [b'no key\n'])
    sql = ("CREATE TABLE raw USING kafka OPTIONS (subscribe 'raw', kafka.bootstrap.servers '%s'); "
           % BOOTSTRAP)
    rows = call(PROGRAM, 'sql', '--format', 'results', '-e', sql + 'SELECT * FROM raw')
    result = json.loads(rows.splitlines()[-1])
    check('raw columns', [(c['name'], c['type']) for c in result['columns']], [
        ('key', 'binary'), ('value', 'binary'), ('topic', 'string'), ('partition', 'int'),
        ('offset', 'bigint'), ('timestamp', 'timestamp'), ('timestampType', 'int')])
    rows = call(PROGRAM, 'sql', '--format', 'json', '-e', sql + 'SELECT CAST(key AS STRING) AS k, '
                'CAST(value AS STRING) AS v, topic, partition, offset, timestampType, '
                "timestamp > '2020-01-01' AS recent FROM raw ORDER BY offset")
    rest = {'topic': 'raw', 'partition': 0, 'timestampType': 0, 'recent': True}
    expected = [{'k': k, 'v': v, 'offset': i, **rest}
                for i, (k, v) in enumerate([('k1', 'one'), ('k2', 'zwölf'), (None, 'no key')])]
    got = [json.loads(line) for line in rows.splitlines()]
    for row in got:
        row.setdefault('k', None)
    check('raw rows', got, expected)


def test_kill():
    """A job that runs while kcat writes, killed and started again: each message once."""
    make_topic('live', 2)
    write('live.sql', """
CREATE TABLE live USING kafka OPTIONS (subscribe 'live', startingOffsets 'earliest',
  'kafka.bootstrap.servers' '%s', format 'text');
CREATE STREAMING TABLE copied USING json OPTIONS (path 'copied') AS SELECT value FROM STREAM live;
""" % BOOTSTRAP)
    sent = []
    for part in range(3):
        lines = ['%d-%d' % (part, i) for i in range(500)]
        job = subprocess.Popen([PROGRAM, 'run', 'live.sql', '--progress', 'off',
                                '--checkpoint', 'checkpoints'], cwd=TMP,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
        produce('live', [(line + '\n').encode() for line in lines])
        sent += lines
        end = time.monotonic() + 20
        while len(sink_rows('copied')) < len(sent) - 300 and time.monotonic() < end and \
                job.poll() is None:
            time.sleep(0.05)
        job.send_signal(signal.SIGKILL if part < 2 else signal.SIGTERM)
        status = job.wait(timeout=LIMIT)
        if part == 2:
            check('SIGTERM: ' + job.stderr.read().decode(errors='replace'), status, 0)
        job.stderr.close()
    run('live.sql', '--checkpoint', 'checkpoints')
    check('copied', sorted(r['value'] for r in sink_rows('copied')), sorted(sent))


def stop_waiting(name, how):
    """Starts a job, waits until its start is in the journal, and ends it."""
    job = subprocess.Popen([PROGRAM, 'run', name + '.sql', '--progress', 'off', '--checkpoint',
                            'checkpoints'], cwd=TMP, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while time.monotonic() < end and not any(
            r['record'] == 'START' for r in records(name) or []):
        time.sleep(0.05)
    job.send_signal(how)
    job.wait(timeout=LIMIT)


def records(name):
    shown = subprocess.run([PROGRAM, 'checkpoint', 'show', os.path.join('checkpoints', name)],
                           cwd=TMP, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return [json.loads(line) for line in shown.stdout.splitlines()]


def test_start_is_kept():
    """Where a query starts is known from its first start on, though it never ran an epoch."""
    starts = {'by_default': '', 'at_minus_one': ", startingOffsets '{\"TOPIC\":{\"0\":-1}}'"}
    ends = {'now': ['--available-now'], 'once': ['--once'], 'int': signal.SIGINT,
            'kill': signal.SIGKILL}
    for (start, option), (end, how) in [(s, e) for s in starts.items() for e in ends.items()]:
        if start != 'by_default' and end not in ('now', 'kill'):
            continue
        name = 'start_%s_%s' % (start, end)
        make_topic(name, 1)
        write(name + '.sql', """
CREATE TABLE t USING kafka OPTIONS ('kafka.bootstrap.servers' '%s', subscribe '%s'%s);
CREATE STREAMING TABLE %s USING json OPTIONS (path '%s') AS
  SELECT CAST(value AS STRING) AS v, offset FROM STREAM t;
""" % (BOOTSTRAP, name, option.replace('TOPIC', name), name, name))
        produce(name, [b'old\n'])
        if isinstance(how, list):
            call(PROGRAM, 'run', name + '.sql', '--progress', 'off', '--checkpoint', 'checkpoints',
                 *how)
        else:
            stop_waiting(name, how)
        produce(name, [b'm1\n', b'm2\n'])
        run(name + '.sql', '--checkpoint', 'checkpoints')
        check(name, sorted((r['v'], r['offset']) for r in sink_rows(name)),
              [('m1', 1), ('m2', 2)])


BOOTSTRAP = begin()
try:
    for test in (test_walkthrough, test_limit, test_raw_columns, test_start_is_kept, test_kill):
        began = time.monotonic()
        try:
            test()
        except Exception as problem:  # the others still tell what they find
            failures.append('%s: %s: %s' % (test.__name__, type(problem).__name__, problem))
        print('%s %.1f s' % (test.__name__, time.monotonic() - began))
finally:
    broker('clean')
for failure in failures:
    print(failure)
print('%d failures' % len(failures))
sys.exit(1 if failures else 0)
