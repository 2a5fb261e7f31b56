#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What Kafka tables are told, against a real broker: Spark's answer, or an error that says why.

What is named and is not there; where reading begins and ends, by offset and by time; limits;
isolation; which partition a key has; what the sink takes; brokers that are away.
"""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import kafka_broker
from kafka_broker import PROGRAM, TMP, call, check, check_in, write

FAR = 4102444800000  # 2100, in ms


def table(options):
    return "CREATE TABLE t USING kafka OPTIONS ('kafka.bootstrap.servers' '%s', %s); " % (
        BROKER.bootstrap, options)


def written(options, select):
    return table(options).replace('; ', ' AS ') + select


def sql(text):
    result = subprocess.run([PROGRAM, 'sql', '--format', 'csv', '-e', text], cwd=TMP,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, timeout=100)
    return result.returncode, result.stdout.decode(), result.stderr.decode()


def values(options):
    """The values of all messages that the table gives, sorted."""
    status, out, problem = sql(table(options) + 'SELECT CAST(value AS STRING) AS v FROM t')
    return sorted(out.split()[1:]) if status == 0 else problem


def refused(what, options, text):
    status, out, problem = sql(table(options) + 'SELECT count(*) FROM t')
    check('%s: status (%s)' % (what, out), status, 1)
    check_in(what, text, problem)


def stream(name, options, select='SELECT CAST(value AS STRING) AS v FROM STREAM t', status=0,
           more=()):
    """A run to the end; what it says, or what its file has."""
    write(name + '.sql', table(options) + "\nCREATE STREAMING TABLE o USING json OPTIONS "
          "(path '%s') AS %s;" % (name, select))
    result = subprocess.run([PROGRAM, 'run', name + '.sql', '--available-now', '--progress', 'off',
                             '--checkpoint', 'cp-' + name, *more], cwd=TMP,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, timeout=100)
    problem = result.stderr.decode()
    check('status of %s: %s' % (name, problem), result.returncode, status)
    return problem


def rows(name):
    found = []
    for file in sorted(os.listdir(os.path.join(TMP, name))):
        if file.endswith('.json'):
            with open(os.path.join(TMP, name, file), encoding='utf-8') as f:
                found += [json.loads(line) for line in f]
    return found


def test_what_is_missing():
    """BROKER has two with a message in each of two partitions."""
    both = '{"two":{"0":0,"1":%s}}'
    refused('topic', "subscribe 'two,no-such'", 'has no topic no-such')
    refused('assigned topic', "assign '{\"no-such\":[0]}'", 'has no topic no-such')
    refused('assigned partition', "assign '{\"two\":[0,7]}'", 'has no partition 7')
    refused('assign', "assign '{\"two\":[0,x]}'", 'option assign: Expected')
    refused('pattern', "subscribePattern 'nothing-.*'", 'has no topic nothing-')
    refused('no pattern', "subscribePattern '('", 'subscribePattern')
    refused('nothing', "subscribe ' , '", 'names no topic')
    refused('partition', "subscribe 'two', startingOffsets '%s'" %
            both.replace('}}', ',"7":0}}') % 0, 'names two-7')
    refused('offsets of a topic', "subscribe 'two', startingOffsets "
            "'{\"two\":{\"0\":0,\"1\":0},\"typo\":{\"0\":0}}'", 'names typo-0')
    refused('not all', "subscribe 'two', startingOffsets '{\"two\":{\"0\":0}}'",
            'says nothing of two-1')
    refused('garbage', "subscribe 'two', startingOffsets '%s'" % (both % 0 + 'x'), 'Expected e.g.')
    problem = stream('missing', "subscribe 'no-such', format 'text'",
                     'SELECT * FROM STREAM t', 1)
    check_in('a stream', 'has no topic no-such', problem)


def test_bounds():
    named = "subscribe 'two', %s '{\"two\":{\"0\":%s,\"1\":%s}}'"
    refused('start beyond the end', named % ('startingOffsets', 50, 0),
            'offset 50 of two-0 is not within the messages that are there, [0, 1)')
    refused('end beyond the end', named % ('endingOffsets', 1, 9), 'offset 9 of two-1')
    lossy = ", failOnDataLoss 'false'"
    check('start beyond', values(named % ('startingOffsets', 50, 0) + lossy), ['v1'])
    check('end beyond', values(named % ('endingOffsets', 1, 9) + lossy), ['v0', 'v1'])
    refused('latest', "subscribe 'two', startingOffsets 'latest'", "can't be latest for batch")
    refused('-1', named % ('startingOffsets', -1, 0), "two-0 can't be latest for batch")
    refused('-2', named % ('endingOffsets', -2, 1), "two-0 can't be earliest for batch")
    refused('earliest', "subscribe 'two', endingOffsets 'earliest'", "can't be earliest for batch")
    refused('reversed', "subscribe 'two', startingOffsets '{\"two\":{\"0\":1,\"1\":1}}', "
            "endingOffsets '{\"two\":{\"0\":0,\"1\":1}}'", 'ends at 0, before its start 1')
    check('named', values(named % ('startingOffsets', -2, 1)), ['v0'])
    check('a beginning', values(named % ('endingOffsets', -1, 0)), ['v0'])
    check('assigned', values("assign '{\"two\":[1]}'"), ['v1'])
    problem = stream('ending', "subscribe 'two', endingOffsets 'latest'", status=1)
    check_in('the end of a stream', 'endingOffsets: not valid in streaming queries', problem)


def test_times():
    BROKER.topic('times', 2)
    BROKER.produce('times', ['a', 'b'], '-p', '0')
    BROKER.produce('times', ['c'], '-p', '1')
    time.sleep(0.02)
    now = int(time.time() * 1000)
    BROKER.produce('times', ['d'], '-p', '0')
    by_time = "subscribe 'times', %s '{\"times\":{\"0\":%s,\"1\":%s}}'"
    latest = ", startingOffsetsByTimestampStrategy 'latest'"
    refused('no match', "subscribe 'times', startingTimestamp '%d'" % FAR,
            'No offset matched from request of topic-partition times-0 and timestamp %d' % FAR)
    refused('no match by partition', by_time % ('startingOffsetsByTimestamp', 0, now),
            'No offset matched from request of topic-partition times-1')
    refused('not all', "subscribe 'times', startingOffsetsByTimestamp '{\"times\":{\"0\":0}}'",
            'startingOffsetsByTimestamp: says nothing of times-1')
    refused('negative', by_time % ('startingOffsetsByTimestamp', -1, 0), 'not -1')
    refused('not a time', "subscribe 'times', startingTimestamp 'x'", 'startingTimestamp')
    check('latest', values(by_time % ('startingOffsetsByTimestamp', now, now) + latest), ['d'])
    check('of one', values(by_time % ('startingOffsetsByTimestamp', FAR, 0) + latest), ['c'])
    check('ends', values(by_time % ('endingOffsetsByTimestamp', now, now)), ['a', 'b', 'c'])
    check('end', values("subscribe 'times', endingTimestamp '%d'" % now), ['a', 'b', 'c'])
    check('the end where nothing is later', values("subscribe 'times', endingTimestamp '%d'" % FAR),
          ['a', 'b', 'c', 'd'])
    check('the first wins', values("subscribe 'times', startingTimestamp '0', startingOffsets "
                                   "'latest'"), ['a', 'b', 'c', 'd'])
    stream('from_time', by_time % ('startingOffsetsByTimestamp', now, FAR) + latest)
    check('stream', [r['v'] for r in rows('from_time')], ['d'])


def test_patterns():
    """Java's, of the whole name; what is internal is never meant."""
    for name, offset in (('pat-12', 'x'), ('pat-12-old', 'y'), ('pat-z', 'z')):
        BROKER.topic(name)
        BROKER.produce(name, [offset])
    check('digits', values(r"subscribePattern 'pat-\\d+'"), ['x'])
    check('look-ahead', values(r"subscribePattern 'pat-(?!z).*?'"), ['x', 'y'])
    check('alternatives', values("subscribePattern 'pat-12|pat-12-old'"), ['x', 'y'])
    check('classes', values("subscribePattern '[a-z]{3}-[a-z&&[^a]]'"), ['z'])
    refused('internal', "subscribePattern '__consumer.*'", 'has no topic')


def test_latest_raw():
    """The commonest setting of all, on a table whose columns are Kafka's own."""
    options = "subscribe 'two', startingOffsets 'latest'"
    stream('latest', options)
    check('nothing yet', rows('latest'), [])
    BROKER.topic('fresh')
    stream('fresh', "subscribe 'fresh', startingOffsets 'latest', includeHeaders 'true'",
           'SELECT CAST(value AS STRING) AS v, size(headers) AS n FROM STREAM t')
    BROKER.produce('fresh', ['new'], '-H', 'a=1', '-H', 'b=2')
    stream('fresh', "subscribe 'fresh', startingOffsets 'latest', includeHeaders 'true'",
           'SELECT CAST(value AS STRING) AS v, size(headers) AS n FROM STREAM t')
    check('since then', rows('fresh'), [{'v': 'new', 'n': 2}])


def test_limits():
    refused('more than', "subscribe 'two', minOffsetsPerTrigger '9', maxOffsetsPerTrigger '3'",
            'minOffsetsPerTrigger: 9 is more than')
    BROKER.topic('few')
    write('few.sql', table("subscribe 'few', startingOffsets 'earliest', groupIdPrefix 'mine', "
                           "minOffsetsPerTrigger '3', maxTriggerDelay '100 seconds'") +
          "CREATE STREAMING TABLE o USING json OPTIONS (path 'few') AS SELECT "
          "CAST(value AS STRING) AS v FROM STREAM t;")
    job = subprocess.Popen([PROGRAM, 'run', 'few.sql', '--progress', 'off', '--checkpoint',
                            'cp-few'], cwd=TMP, stdin=subprocess.DEVNULL)
    BROKER.produce('few', ['a'])
    time.sleep(1.5)
    check('one is too few', os.path.isdir(os.path.join(TMP, 'few')) and rows('few') or [], [])
    BROKER.produce('few', ['b', 'c'])
    kafka_broker.wait_until(lambda: os.path.isdir(os.path.join(TMP, 'few')) and
                            len(rows('few')) == 3)
    job.terminate()
    check('ends', job.wait(timeout=60), 0)
    check('three at once', sorted(r['v'] for r in rows('few')), ['a', 'b', 'c'])


def test_idle():
    """A query that waits uses next to no processor; a message wakes it."""
    BROKER.topic('idle', 3)
    write('idle.sql', table("subscribe 'idle', startingOffsets 'latest'") +
          "CREATE STREAMING TABLE o USING json OPTIONS (path 'idle') AS SELECT "
          "CAST(value AS STRING) AS v FROM STREAM t;")
    job = subprocess.Popen([PROGRAM, 'run', 'idle.sql', '--progress', 'off', '--checkpoint',
                            'cp-idle'], cwd=TMP, stdin=subprocess.DEVNULL)
    time.sleep(1)

    def used_ms():
        total = 0
        for task in os.listdir('/proc/%d/task' % job.pid):
            with open('/proc/%d/task/%s/schedstat' % (job.pid, task), encoding='ascii') as f:
                total += int(f.read().split()[0]) / 1e6
        return total
    before = used_ms()
    time.sleep(4)
    used = used_ms() - before
    check('%.1f of 4000 ms' % used, used < 40, True)
    BROKER.produce('idle', ['m'], '-p', '2')
    kafka_broker.wait_until(lambda: os.path.isdir(os.path.join(TMP, 'idle')) and rows('idle'))
    job.terminate()
    check('ends', job.wait(timeout=60), 0)
    check('woken', rows('idle'), [{'v': 'm'}])


def test_watermark_partitions():
    """Each partition has a watermark of its own: what is behind in one is not late."""
    BROKER.topic('marks', 2)
    select = ("SELECT count(*) AS n FROM (SELECT CAST(CAST(value AS STRING) AS TIMESTAMP) AS ts "
              "FROM STREAM t) WATERMARK ts DELAY OF INTERVAL 0 SECONDS "
              "GROUP BY window(ts, '10 seconds')")
    for fast, slow in (('02:00', '00:07'), ('02:30', '00:08'), ('03:00', '00:30')):
        for partition, minute in enumerate((fast, slow)):
            BROKER.produce('marks', ['2024-01-01 00:' + minute], '-p', str(partition))
        stream('marks', "subscribe 'marks', startingOffsets 'earliest'", select,
               more=('--set', 'headrace.watermark.byPartition=true'))
    check('what the slower partition has closed', rows('marks'), [{'n': 2}])


def test_partitioner():
    """Keys lie where Java's client puts them (what Spark wrote, recorded); the empty one, too."""
    keys = {'': 1, 'card-1': 3, 'card-10': 2, 'card-11': 0, 'card-12': 0, 'card-2': 0, 'card-3': 1,
            'card-4': 0, 'card-5': 3, 'card-6': 0, 'card-7': 2, 'card-8': 0, 'card-9': 1}
    BROKER.topic('keys', 4)
    write('keys.sql', written("topic 'keys'", 'SELECT key, value FROM VALUES ' +
          ', '.join("('%s', 'v')" % key for key in keys) + ' AS r(key, value);'))
    call(PROGRAM, 'sql', '-f', 'keys.sql')
    found = BROKER.consume('keys', '-f', '%k %p\n')
    check('partitions', {k: int(p) for k, _, p in (line.rpartition(' ') for line in
                                                   found.splitlines())}, keys)


def test_sink():
    def inserts(what, select, text, options="topic 'two'"):
        status, _, problem = sql(written(options, select))
        check('%s: status' % what, status, 1)
        check_in(what, text, problem)
    inserts('no value', "SELECT 'k' AS key", "Required attribute 'value' not found")
    inserts('value', 'SELECT 1 AS value', 'column value of a Kafka sink must be STRING or BINARY')
    inserts('key', "SELECT 1 AS key, 'v' AS value", 'column key')
    inserts('partition', "SELECT 'x' AS partition, 'v' AS value", 'column partition')
    inserts('below 0', "SELECT -1 AS partition, 'v' AS value", 'Invalid partition: -1')
    inserts('headers', "SELECT array(struct('a' AS key, 'b' AS value)) AS headers, 'v' AS value",
            'column headers must be')
    inserts('topic', "SELECT 'v' AS value", "topic option required",
            "'kafka.client.id' 'x'")
    inserts('no topic', "SELECT CAST(NULL AS STRING) AS topic, 'v' AS value", 'null topic present',
            "'kafka.client.id' 'x'")
    inserts('key of a header', "SELECT array(struct(CAST(NULL AS STRING) AS key, X'01' AS value)) "
            "AS headers, 'v' AS value", 'a header without a key')
    BROKER.topic('sink', 2)
    status, _, problem = sql(written("'kafka.client.id' 'x'", """
        SELECT 'sink' AS topic, 'k' AS key, CAST(NULL AS STRING) AS value, 1 AS partition,
          array(struct('h' AS key, X'61' AS value),
                struct('n' AS key, CAST(NULL AS BINARY) AS value)) AS headers"""))
    check('written: ' + problem, status, 0)
    check('a message', BROKER.consume('sink', '-f', '%p %k %S %h\n'), '1 k -1 h=a,n=NULL\n')


def test_away():
    """A broker that does not answer: an error, soon."""
    for what, statement in (('source', "; SELECT count(*) FROM t"),
                            ('sink', " AS SELECT 'v' AS value")):
        began = time.monotonic()
        status, _, problem = sql("CREATE TABLE t USING kafka OPTIONS ('kafka.bootstrap.servers' "
                                 "'127.0.0.1:1', subscribe 'x', topic 'x', "
                                 "'kafka.request.timeout.ms' '1500')" + statement)
        check('%s: status' % what, status, 1)
        check_in(what, '127.0.0.1:1 cannot be reached', problem)
        check('%s: soon' % what, time.monotonic() - began < 60, True)


BROKER = kafka_broker.start()
BROKER.topic('two', 2)
for number in (0, 1):
    BROKER.produce('two', ['v%d' % number], '-p', str(number))
kafka_broker.run_tests(BROKER, test_what_is_missing, test_bounds, test_times, test_patterns,
                       test_latest_raw, test_limits, test_idle, test_watermark_partitions,
                       test_partitioner, test_sink, test_away)
