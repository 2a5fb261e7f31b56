#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kafka to Kafka with guarantee 'exactly-once', against a real broker, kcat as the foreign reader.

Killed at each fault point and at random moments, the committed output is the input, once each, in
the order of its partitions. A run that another has replaced is fenced, and adds nothing.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import kafka_broker
from kafka_broker import LIMIT, PROGRAM, TMP, call, check, check_in, wait_until, write

POINTS = ('sink-commit', 'journal-plan', 'journal-commit')


def query(name, options="guarantee 'exactly-once'"):
    """A copy of topic NAME-in to NAME-out, 20 messages an epoch."""
    write(name + '.sql', """
CREATE TABLE t USING kafka OPTIONS (subscribe '%s-in', 'kafka.bootstrap.servers' '%s',
  startingOffsets 'earliest', maxOffsetsPerTrigger '20');
CREATE STREAMING TABLE %s USING kafka OPTIONS (topic '%s-out', 'kafka.bootstrap.servers' '%s', %s)
  AS SELECT partition, value FROM STREAM t;
""" % (name, BROKER.bootstrap, name, name, BROKER.bootstrap, options))
    return [PROGRAM, 'run', name + '.sql', '--progress', 'off']


def start(command, **env):
    return subprocess.Popen(command, cwd=TMP, env=dict(os.environ, **env),
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE)


def topics(name):
    BROKER.topic(name + '-in', 2)
    BROKER.topic(name + '-out', 2)


def produce(name, numbers):
    for partition in ('0', '1'):
        BROKER.produce(name + '-in', numbers, '-p', partition)


def committed(name, partition):
    return BROKER.consume(name + '-out', '-p', partition, '-X',
                          'isolation.level=read_committed').split()


def check_output(what, name, numbers):
    for partition in ('0', '1'):
        check('%s: partition %s' % (what, partition), committed(name, partition),
              [str(i) for i in numbers])


def test_kills():
    seed = random.randrange(1 << 32)
    print('seed %d' % seed)
    rng = random.Random(seed)
    topics('kill')
    produce('kill', range(200))
    command = query('kill') + ['--available-now', '--checkpoint', 'cp-kill']
    for k in (1, 2):
        for point in POINTS:
            run = start(command, HR_CRASH_AT='%s:%d' % (point, k))
            problem = run.communicate(timeout=LIMIT)[1]
            check('died at %s:%d: %s' % (point, k, problem), run.returncode, -signal.SIGKILL)
    for _ in range(4):
        run = start(command)
        time.sleep(rng.uniform(0.02, 0.4))
        run.kill()
        run.communicate(timeout=LIMIT)
    call(*command)
    check_output('after kills', 'kill', range(200))
    call(*command)
    check_output('nothing new', 'kill', range(200))


def test_zombie():
    topics('z')
    produce('z', range(30))
    command = query('z')
    first = start(command + ['--checkpoint', 'cp-z'])
    try:
        check('first run', wait_until(lambda: len(committed('z', '0') + committed('z', '1')) == 60),
              True)
        first.send_signal(signal.SIGSTOP)
        shutil.copytree(os.path.join(TMP, 'cp-z'), os.path.join(TMP, 'cp-z2'))
        produce('z', range(30, 60))
        call(*command, '--available-now', '--checkpoint', 'cp-z2')
        check_output('second run', 'z', range(60))
        first.send_signal(signal.SIGCONT)
        problem = first.communicate(timeout=60)[1].decode()
        check('status of the first', first.returncode, 1)
        check_in('the first', 'HR_FENCED', problem)
    finally:
        first.kill()
        first.wait()
    check_output('the first adds nothing', 'z', range(60))
    call(*command, '--available-now', '--checkpoint', 'cp-z2')
    check_output('nor after', 'z', range(60))


def refused(name, options, text):
    run = start(query(name, options) + ['--available-now', '--checkpoint', 'cp-no'])
    problem = run.communicate(timeout=LIMIT)[1].decode()
    check('status of ' + options, run.returncode, 1)
    check_in(options, text, problem)


def test_refused():
    topics('no')
    refused('no', "guarantee 'exactly-once-in-the-log'", 'guarantee')
    refused('no', "guarantee 'exactly-once', 'kafka.enable.idempotence' 'false'",
            'kafka.enable.idempotence')
    refused('no', "'kafka.transactional.id' 'x'", "needs guarantee 'exactly-once'")


BROKER = kafka_broker.start()
kafka_broker.run_tests(BROKER, test_kills, test_zombie, test_refused)
