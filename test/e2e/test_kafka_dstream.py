#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Kafka direct stream of the C library against a real broker, kcat as the foreign client.

Exact offset ranges of every batch under limits; the group's offsets, committed by the stream or by
the program; a restart after kill -9; new partitions, empty topics, messages that are gone.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import kafka_broker
from kafka_broker import BUILD, LIMIT, ROOT, TMP, call, check

PROGRAM = os.path.join(TMP, 'kafka_dstream')


def build():
    if not shutil.which('cc'):
        kafka_broker.skip('no cc')
    if not os.path.exists(os.path.join(BUILD, 'libheadrace.so')):
        kafka_broker.skip('no shared library in this build (sanitizers)')
    call('cc', '-Wall', os.path.join(ROOT, 'test/e2e/kafka_dstream.c'), '-o', PROGRAM,
         '-I' + os.path.join(ROOT, 'include'), '-L' + BUILD, '-lheadrace', '-Wl,-rpath,' + BUILD)


def produce(topic, partition, values):
    BROKER.produce(topic, values, '-p', str(partition))


class Stream:
    """A running program. step() gives the line that it prints for one batch."""

    def __init__(self, topics, *args, out='out', checkpoint='-', reset='earliest'):
        self.out = os.path.join(TMP, out)
        os.makedirs(self.out, exist_ok=True)
        self.stderr = open(os.path.join(TMP, 'stderr'), 'w+', encoding='utf-8')
        self.process = subprocess.Popen(
            [PROGRAM, self.out, checkpoint if checkpoint == '-' else os.path.join(TMP, checkpoint),
             topics, 'bootstrap.servers=' + BOOTSTRAP, 'auto.offset.reset=' + reset,
             'key.deserializer=StringDeserializer', *args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr, text=True)

    def say(self, command):
        self.process.stdin.write(command + '\n')
        self.process.stdin.flush()

    def step(self, command='step'):
        self.say(command)
        return self.process.stdout.readline().strip()

    def steps(self, n):
        return [self.step() for _ in range(n)]

    def descriptions(self):
        self.stderr.seek(0)
        return self.stderr.read().splitlines()

    def end(self, status=0):
        if self.process.poll() is None and status == 0:
            self.say('quit')
        rest = self.process.stdout.read()
        check('status of the program: ' + rest, self.process.wait(timeout=LIMIT), status)
        self.process.stdin.close()
        self.process.stdout.close()
        self.stderr.close()
        return rest.strip()


def test_ranges():
    """maxRatePerPartition gives exact batches; listeners are told Spark's description."""
    BROKER.topic('a', 2)
    produce('a', 0, range(10))
    produce('a', 1, range(10, 14))
    s = Stream('a', 'spark.streaming.kafka.maxRatePerPartition=3')
    check('limited', s.steps(5), ['rows=6 a-0[0,3) a-1[0,3)', 'rows=4 a-0[3,6) a-1[3,4)',
                                  'rows=3 a-0[6,9) a-1[4,4)', 'rows=1 a-0[9,10) a-1[4,4)',
                                  'rows=0 a-0[10,10) a-1[4,4)'])
    check('descriptions', s.descriptions(), [
        'topic: a partition: 0 offsets: 0 to 3 count: 3;'
        'topic: a partition: 1 offsets: 0 to 3 count: 3 (6)',
        'topic: a partition: 0 offsets: 3 to 6 count: 3;'
        'topic: a partition: 1 offsets: 3 to 4 count: 1 (4)',
        'topic: a partition: 0 offsets: 6 to 9 count: 3 (3)',
        'topic: a partition: 0 offsets: 9 to 10 count: 1 (1)', ' (0)'])
    s.end()
    s = Stream('a', 'spark.streaming.receiver.maxRate=1')  # is not for Kafka, as in Spark
    check('unlimited', s.steps(2), ['rows=14 a-0[0,10) a-1[0,4)', 'rows=0 a-0[10,10) a-1[4,4)'])
    s.end()


def test_shared_rate():
    """The rate of all partitions is shared by what each is behind; the first batch is limited."""
    BROKER.topic('lag', 2)
    produce('lag', 0, range(30))
    produce('lag', 1, range(10))
    rates = ['spark.streaming.backpressure.enabled=true',
             'spark.streaming.backpressure.initialRate=10']
    s = Stream('lag', *rates)
    check('by lag', s.step(), 'rows=9 lag-0[0,7) lag-1[0,2)')
    s.end()
    s = Stream('lag', *rates, 'spark.streaming.kafka.maxRatePerPartition=4',
               'spark.streaming.kafka.minRatePerPartition=3')
    check('between the bounds', s.step(), 'rows=7 lag-0[0,4) lag-1[0,3)')
    s.end()


def test_group():
    """Without a checkpoint a start goes on where the group has committed."""
    BROKER.topic('g', 1)
    produce('g', 0, range(5))
    s = Stream('g', 'group.id=auto')
    check('first run', s.step(), 'rows=5 g-0[0,5)')
    s.end()
    produce('g', 0, range(5, 7))
    s = Stream('g', 'group.id=auto')
    check('committed after the batch', s.step(), 'rows=2 g-0[5,7)')
    s.end()
    s = Stream('g', 'group.id=own', 'enable.auto.commit=false',
               'spark.streaming.kafka.maxRatePerPartition=2')
    check('commit of its own', s.step(), 'rows=2 g-0[0,2)')
    s.say('commit')
    check('commit of its own, 2', s.step(), 'rows=2 g-0[2,4)')
    s.end()
    s = Stream('g', 'group.id=own', 'enable.auto.commit=false')
    check('what the program committed', s.step(), 'rows=3 g-0[4,7)')
    s.end()
    s = Stream('g', 'group.id=own', 'enable.auto.commit=false', reset='none')
    check('nothing was committed by the stream', s.step(), 'rows=3 g-0[4,7)')
    s.end()
    s = Stream('g', 'group.id=own', 'startingOffsets={"g":{"0":6}}')
    check('offsets that are named win', s.step(), 'rows=1 g-0[6,7)')
    s.end()
    s = Stream('g', 'group.id=nobody', reset='none')
    check('none', s.end(1), 'HR_INVALID_OPTION: option startingOffsets: none, and group nobody has '
          'no committed offset of g-0')
    s = Stream('g')
    s.say('commit')
    s.say('step')
    check('no group', s.end(1), 'rows=7 g-0[0,7)\nHR_INVALID_ARGUMENT: stream 0 has no group to '
          'commit to: give it "group.id"')
    s = Stream('g', reset='latest')
    check('latest', s.step(), 'rows=0 g-0[7,7)')
    s.end()


def test_new_partitions():
    """An empty topic; partitions that appear while it runs, limited from their first message on."""
    BROKER.topic('grow', 1)
    s = Stream('grow', 'spark.streaming.kafka.maxRatePerPartition=2', reset='latest')
    check('empty', s.step(), 'rows=0 grow-0[0,0)')
    BROKER.tool('TopicCommand', '--alter', '--topic', 'grow', '--partitions', '2')
    produce('grow', 1, range(3))
    produce('grow', 0, range(1))
    check('grown', s.steps(3), ['rows=3 grow-0[0,1) grow-1[0,2)', 'rows=1 grow-0[1,1) grow-1[2,3)',
                                'rows=0 grow-0[1,1) grow-1[3,3)'])
    s.end()


def test_data_loss():
    BROKER.topic('gone', 1)
    produce('gone', 0, range(10))
    s = Stream('gone', 'spark.streaming.kafka.maxRatePerPartition=2', checkpoint='gone')
    check('before the loss', s.step(), 'rows=2 gone-0[0,2)')
    s.end()
    path = os.path.join(TMP, 'delete.json')
    with open(path, 'w', encoding='utf-8') as f:
        json.dump({'partitions': [{'topic': 'gone', 'partition': 0, 'offset': 4}],
                   'version': 1}, f)
    BROKER.tool('DeleteRecordsCommand', '--offset-json-file', path)
    s = Stream('gone', 'spark.streaming.kafka.maxRatePerPartition=2', checkpoint='gone')
    s.say('step')
    check('an error', re.sub(r'\(.*\)', '()', s.end(1)), 'HR_DATA_LOSS: messages of gone-0 from '
          "offset 2 on are gone (); set failOnDataLoss 'false' to go on without them")
    at_two = 'startingOffsets={"gone":{"0":2}}'
    s = Stream('gone', at_two)
    s.say('step')
    check('at the start', s.end(1), 'HR_DATA_LOSS: option startingOffsets: offset 2 of gone-0 is '
          'not within the messages that are there, [4, 10); set failOnDataLoss \'false\' to take '
          'the nearest')
    s = Stream('gone', at_two, 'failOnDataLoss=false', out='loss')
    check('going on', s.step(), 'rows=6 gone-0[4,10)')
    produce('gone', 0, ['x'])
    check('and on', s.step(), 'rows=1 gone-0[10,11)')
    s.end()
    check('what was left', values('loss'), sorted([str(i) for i in range(4, 10)] + ['x']))


def test_rdd():
    """hr_kafka_rdd, and reading in worker processes."""
    BROKER.topic('r', 2)
    produce('r', 0, 'abcdef')
    s = Stream('r', 'group.id=r')
    check('range', s.step('rdd r 0 2 5'), '2=c 3=d 4=e')
    check('empty range', s.step('rdd r 1 0 0'), '')
    s.say('rdd r 0 2 9')
    check('beyond the end', s.end(1), 'HR_DATA_LOSS: range 0: r-0 [2, 9) is not within the '
          'messages that are there, [0, 6)')
    s = Stream('r', 'executors=2', out='workers')
    check('in workers', s.step(), 'rows=6 r-0[0,6) r-1[0,0)')
    produce('r', 1, 'gh')
    check('in workers, 2', s.step(), 'rows=2 r-0[6,6) r-1[0,2)')
    s.end()
    check('values from workers', values('workers'), list('abcdefgh'))


def values(folder):
    rows = []
    for name in os.listdir(os.path.join(TMP, folder)):
        if not name.endswith('.tmp'):
            with open(os.path.join(TMP, folder, name), encoding='utf-8') as f:
                rows += f.read().split()
    return sorted(rows)


def test_kill():
    """Killed while messages come: the batch that was cut short is run again with the same range."""
    BROKER.topic('live', 2)
    sent = []
    for part in range(4):
        s = Stream('live', 'clock=real', 'group.id=live', out='live', checkpoint='checkpoint')
        for partition in (0, 1):
            lines = ['%d-%d-%d' % (part, partition, i) for i in range(400)]
            produce('live', partition, lines)
            sent += lines
        end = time.monotonic() + 30
        while len(values('live')) < len(sent) - 300 * (part < 3) and time.monotonic() < end and \
                s.process.poll() is None:
            time.sleep(0.02)
        s.process.send_signal(signal.SIGKILL)
        s.end(-signal.SIGKILL)
    check('each message once', values('live'), sorted(sent))


build()
BROKER = kafka_broker.start()
BOOTSTRAP = BROKER.bootstrap
kafka_broker.run_tests(BROKER, test_ranges, test_shared_rate, test_group, test_new_partitions,
                       test_data_loss, test_rdd, test_kill)
