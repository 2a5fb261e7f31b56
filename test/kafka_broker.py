# SPDX-License-Identifier: Apache-2.0
"""A real Kafka broker for the tests that need one, and kcat as the foreign client.

    broker = kafka_broker.start()          # skips the test where java, mvn or kcat is missing
    broker.topic('t', 2)
    broker.produce('t', ['a', 'b'], '-p', '1')
    run_tests(broker, test_a, test_b)      # each told as it ends; ends the program
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.environ.get('HR_ROOT', os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TMP = os.path.abspath(os.environ.get('HR_TMP') or tempfile.mkdtemp())
BUILD = os.path.join(ROOT, os.environ.get('HR_BUILD') or 'build')
PROGRAM = os.path.abspath(os.environ.get('HEADRACE', os.path.join(BUILD, 'headrace')))
LIMIT = 120
failures = []


def skip(why):
    print(why)
    sys.exit(77)


def check(what, got, expected):
    if got != expected:
        failures.append('%s\n  got      %.1500r\n  expected %.1500r' % (what, got, expected))


def check_in(what, part, text):
    if part not in text:
        failures.append('%s\n  got      %.1500r\n  lacks    %r' % (what, text, part))


def call(*args, stdin=None, status=0, env=None):
    """The output of a program that must end with status."""
    result = subprocess.run(args, cwd=TMP, input=stdin, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, timeout=LIMIT, env=env,
                            stdin=None if stdin is not None else subprocess.DEVNULL)
    if result.returncode != status:
        failures.append('%s: status %d\n%s' % (' '.join(args)[:200], result.returncode,
                                               result.stderr.decode(errors='replace')[-1500:]))
    return result.stdout


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def write(name, text):
    with open(os.path.join(TMP, name), 'w', encoding='utf-8') as f:
        f.write(text)


class Broker:
    def __init__(self):
        self.directory = os.path.join(TMP, 'broker')
        self.bootstrap = None

    def command(self, *args):
        return subprocess.run([os.path.join(ROOT, 'tools', 'kafka'), '-d', self.directory, *args],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              stdin=subprocess.DEVNULL, timeout=250)

    def start(self):
        started = self.command('start')
        if started.returncode:
            print(started.stderr)
            sys.exit(1)
        self.bootstrap = started.stdout.strip().partition('=')[2]

    def topic(self, name, partitions=1, *settings):
        made = self.command('topic', name, str(partitions), *settings)
        if made.returncode:
            raise RuntimeError('topic %s: %s' % (name, made.stderr))

    def tool(self, name, *args):
        """One of the broker's own tools: tool('TopicCommand', '--delete', '--topic', 't')."""
        env = dict(line.split('=', 1) for line in self.command('env').stdout.splitlines())
        return call('java', '-Xmx256m', '-XX:TieredStopAtLevel=1', '-cp', env['libs'] + '/*',
                    'org.apache.kafka.tools.' + name, '--bootstrap-server', self.bootstrap,
                    *args).decode()

    def produce(self, topic, values, *args):
        call('kcat', '-P', '-b', self.bootstrap, '-t', topic, *args,
             stdin=''.join('%s\n' % v for v in values).encode())

    def consume(self, topic, *args):
        return call('kcat', '-C', '-e', '-q', '-o', 'beginning', '-b', self.bootstrap, '-t', topic,
                    *args).decode()


def start():
    for program in ('java', 'mvn', 'kcat'):
        if not shutil.which(program):
            skip('no %s' % program)
    with open(os.path.join(BUILD, 'hr_config.h'), encoding='utf-8') as f:
        if '#define HR_HAVE_RDKAFKA 1' not in f.read():
            skip('built without Kafka')
    broker = Broker()
    installed = broker.command('install')
    if installed.returncode:
        skip('no Kafka jars: ' + installed.stderr.strip().split('\n')[-1])
    broker.start()
    return broker


def run_tests(broker, *tests):
    """Runs them all, so that the others still tell what they find, and ends the program."""
    only = sys.argv[1:]
    try:
        for test in tests:
            if only and test.__name__ not in only:
                continue
            began = time.monotonic()
            try:
                test()
            except Exception as problem:
                failures.append('%s: %s: %s' % (test.__name__, type(problem).__name__, problem))
            print('%s %.1f s' % (test.__name__, time.monotonic() - began), flush=True)
    finally:
        broker.command('clean')
    for failure in failures:
        print(failure)
    print('%d failures' % len(failures))
    sys.exit(1 if failures else 0)
