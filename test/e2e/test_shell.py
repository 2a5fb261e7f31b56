#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shell on a terminal: letters beyond ASCII in any locale, and Ctrl-C, which ends a line or a
statement but never the shell; `headrace run` and files at their size limit beside it."""
import os
import pty
import resource
import select
import signal
import subprocess
import sys
import time

PROGRAM = os.environ['HEADRACE']
TMP = os.environ.get('HR_TMP', '.')
failures = []


def check(what, got, expected):
    if got != expected:
        failures.append('%s\n  got      %r\n  expected %r' % (what, got, expected))


class Shell:
    """`headrace sql` on a pseudo terminal."""

    def __init__(self, **env):
        self.seen = b''
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(dict({'HOME': TMP, 'TERM': 'xterm'}, **env))
            os.execv(PROGRAM, [PROGRAM, 'sql', '--format', 'csv'])
        self.wait_for(b'headrace> ')

    def wait_for(self, text, seconds=60):
        """What came up to and with text."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            try:
                data = os.read(self.fd, 4096) if ready else b''
            except OSError:
                data = b''
            if not data:
                failures.append('no %r in %r' % (text, self.seen[-400:]))
                return b''
            self.seen += data
        found, self.seen = self.seen[:self.seen.index(text) + len(text)], \
            self.seen[self.seen.index(text) + len(text):]
        return found

    def send(self, text):
        os.write(self.fd, text if isinstance(text, bytes) else text.encode())

    def ask(self, statement, answer):
        self.send(statement + '\n')
        self.wait_for(answer.encode() + b'\r\n')
        self.wait_for(b'headrace> ')

    def end(self):
        self.send('quit;\n')
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def test_letters():
    for locale in ({'LC_ALL': 'C'}, {'LC_ALL': 'POSIX'}, {'LC_ALL': 'C.UTF-8'},
                   {'LC_ALL': 'xx_YY', 'LANG': ''}):
        shell = Shell(**locale)
        shell.ask("SELECT concat('Zürich ', '東京', '😀') AS x;", 'Zürich 東京😀')
        shell.ask("SELECT hex('é');", 'C3A9')
        check('end in %r' % locale, shell.end(), 0)


def test_interrupted_line():
    shell = Shell()
    shell.send('SELECT nonsense, ')
    shell.wait_for(b'nonsense, ')
    shell.send(b'\x03')
    shell.wait_for(b'^C')
    shell.wait_for(b'headrace> ')
    shell.ask('SELECT 1 + 41 AS x;', '42')
    shell.send("SELECT 'open\n")
    shell.wait_for(b'-> ')
    shell.send(b'\x03')
    shell.wait_for(b'headrace> ')
    shell.ask('SELECT 2 + 41 AS x;', '43')
    check('end after interrupted lines', shell.end(), 0)


def test_interrupted_statement():
    shell = Shell()
    for statement in ('SELECT count(*) FROM range(1000000000000);',
                      'SELECT count(DISTINCT id % 7) FROM range(1000000000000); SELECT 77 AS x;',
                      'SELECT sum(a.id) FROM range(100000000) a CROSS JOIN range(100000) b;'):
        shell.send(statement + '\n')
        time.sleep(0.3)
        shell.send(b'\x03')
        shell.wait_for(b'HR_CANCELLED')
        shell.wait_for(b'headrace> ')
    shell.ask('SELECT 40 + 4 AS x;', '44')
    check('end after interrupted statements', shell.end(), 0)


def test_interrupted_run():
    path = os.path.join(TMP, 'long.sql')
    with open(path, 'w') as f:
        f.write('SELECT 1 AS x;\nSELECT count(*) FROM range(1000000000000);\nSELECT 2 AS x;\n')
    job = subprocess.Popen([PROGRAM, 'run', path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.5)
    job.send_signal(signal.SIGINT)
    out, err = job.communicate(timeout=60)
    check('status of an interrupted run', job.returncode, 130)
    if b'HR_CANCELLED' not in err:
        failures.append('an interrupted run says %r' % err)


def test_size_limit():
    """Beyond ulimit -f: an error that names the file, and status 1."""
    out = os.path.join(TMP, 'limited')
    job = subprocess.run(
        [PROGRAM, 'sql', '-e', "CREATE TABLE t USING json OPTIONS (path '%s') AS "
         "SELECT id, repeat('x', 100) AS s FROM range(1000000)" % out],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000)))
    check('status at the size limit', job.returncode, 1)
    if b'limited' not in job.stderr or b'File too large' not in job.stderr:
        failures.append('at the size limit: %r' % job.stderr)


def main():
    for name, test in sorted(globals().items()):
        if name.startswith('test_'):
            test()
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
