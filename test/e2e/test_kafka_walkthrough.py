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
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import kafka_broker
from kafka_broker import LIMIT, PROGRAM, ROOT, TMP, call, check, write


def run(name, *args):
    call(PROGRAM, 'run', name, '--available-now', '--progress', 'off', *args)


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
    for line in BROKER.consume('busy', '-f', '%k\t%s\n').splitlines():
        key, _, value = line.partition('\t')
        value = json.loads(value)
        check('key of a message', key, value['card'])
        latest[key] = max(latest.get(key, 0), value['n'])
    return latest


def test_walkthrough():
    """Payments in, counts out, in two parts with a restart between them."""
    lines = call(PROGRAM, 'generate', 'payments', '--rows', '10000').splitlines(True)
    cards = [json.loads(line)['card'] for line in lines]
    BROKER.topic('payments', 3)
    BROKER.topic('busy', 2)
    write('busy.sql', readme('-- busy.sql').replace('count(*) > 5', 'count(*) > 2'))
    seen = collections.Counter()
    for part in (slice(0, 6000), slice(6000, 10000), slice(0, 0)):
        if lines[part]:
            BROKER.produce('payments', [l.decode().rstrip() for l in lines[part]])
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
    BROKER.topic('raw', 1)
    BROKER.produce('raw', ['k1:one', 'k2:zwölf'], '-K', ':')
    BROKER.produce('raw', ['no key'])
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
    BROKER.topic('live', 2)
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
        BROKER.produce('live', lines)
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
        BROKER.topic(name, 1)
        write(name + '.sql', """
CREATE TABLE t USING kafka OPTIONS ('kafka.bootstrap.servers' '%s', subscribe '%s'%s);
CREATE STREAMING TABLE %s USING json OPTIONS (path '%s') AS
  SELECT CAST(value AS STRING) AS v, offset FROM STREAM t;
""" % (BOOTSTRAP, name, option.replace('TOPIC', name), name, name))
        BROKER.produce(name, ['old'])
        if isinstance(how, list):
            call(PROGRAM, 'run', name + '.sql', '--progress', 'off', '--checkpoint', 'checkpoints',
                 *how)
        else:
            stop_waiting(name, how)
        BROKER.produce(name, ['m1', 'm2'])
        run(name + '.sql', '--checkpoint', 'checkpoints')
        check(name, sorted((r['v'], r['offset']) for r in sink_rows(name)),
              [('m1', 1), ('m2', 2)])


BROKER = kafka_broker.start()
BOOTSTRAP = BROKER.bootstrap
kafka_broker.run_tests(BROKER, test_walkthrough, test_limit, test_raw_columns, test_start_is_kept,
                       test_kill)
