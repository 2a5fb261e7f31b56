#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Dead letters of Kafka messages, into a topic, against a real broker with kcat as the reader: the
raw bytes as value, where they came from as headers, once each however often the query is killed.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import kafka_broker
from kafka_broker import LIMIT, PROGRAM, TMP, call, check, write

POINTS = ('journal-plan', 'journal-commit', 'sink-commit')


def message(partition, i):
    bad = ('not json', '{"id":"x"}', '{"id":%d' % i)
    return bad[i // 5 % 3] if i % 5 == 3 else '{"id":%d}' % (partition * 1000 + i)


def run(name, **env):
    command = [PROGRAM, 'run', name + '.sql', '--available-now', '--checkpoint', 'cp-' + name,
               '--progress', 'off', '--ui', 'off']
    return subprocess.run(command, cwd=TMP, timeout=LIMIT, env=dict(os.environ, **env), text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_dead_letters():
    for topic, partitions in (('in', 2), ('out', 1), ('dlq', 1)):
        BROKER.topic(topic, partitions)
    for p in (0, 1):
        BROKER.produce('in', [message(p, i) for i in range(60)], '-p', str(p))
    server = "`kafka.bootstrap.servers` '%s'" % BROKER.bootstrap
    write('q.sql', f"""
CREATE TABLE letters (value BINARY) USING kafka
  OPTIONS ({server}, topic 'dlq', guarantee 'exactly-once');
CREATE TABLE src (id BIGINT) USING kafka OPTIONS ({server}, subscribe 'in', format 'json',
  startingOffsets 'earliest', maxOffsetsPerTrigger '30', deadLetters 'letters');
CREATE STREAMING TABLE dst USING kafka OPTIONS ({server}, topic 'out', guarantee 'exactly-once')
  AS SELECT CAST(id AS STRING) AS value FROM STREAM src;
""")
    killed = sum(run('q', HR_CRASH_AT='%s:%d' % (point, k)).returncode < 0
                 for point in POINTS for k in (1, 2))
    check('kills', killed >= 4, True)
    last = run('q')
    check('the last run ' + last.stderr[-300:], last.returncode, 0)
    committed = ('-X', 'isolation.level=read_committed')
    rows = sorted(int(v) for v in BROKER.consume('out', *committed).split())
    check('rows', rows, [p * 1000 + i for p in (0, 1) for i in range(60) if i % 5 != 3])
    letters = []
    for line in BROKER.consume('dlq', *committed, '-f', '%h;%s\\n').splitlines():
        headers, _, value = line.partition(';')
        parts = dict(h.split('=', 1) for h in headers.split(','))
        check('source and query', (parts['source'], parts['query']), ('src', 'dst'))
        letters.append((parts['partition'], int(parts['offset']), value))
    check('letters', sorted(letters), sorted(('in-%d' % p, i, message(p, i)) for p in (0, 1)
                                             for i in range(60) if i % 5 == 3))


BROKER = kafka_broker.start()
kafka_broker.run_tests(BROKER, test_dead_letters)
