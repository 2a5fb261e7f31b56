#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a system may do to a stream: no descriptors left, a limit on a file's size, a checkpoint
that is read only, a process that is suspended, a reader of its output that goes away, a clock that
jumps.

A run ends with status 0, or with status 1 and an error line; never by a signal. The same command
without the limit then goes on, and the rows are exact.
"""
import glob
import os
import resource
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ['HR_ROOT'], 'test'))
from sink_files import committed  # noqa: E402

PROGRAM, TMP = os.environ['HEADRACE'], os.path.abspath(os.environ['HR_TMP'])
FILES, ROWS = 12, 300
EXPECTED = list(range(FILES * ROWS))
failures, told = [], []


def write_input():
    os.makedirs(os.path.join(TMP, 'in'))
    for i in range(FILES):
        with open(os.path.join(TMP, 'in', f'{i:02d}.json'), 'w', encoding='utf-8') as file:
            for n in range(i * ROWS, (i + 1) * ROWS):
                file.write('{"id":%d,"pad":"%s"}\n' % (n, 'x' * 100))


def start(name, checkpoint=None, env=None, limits=None, progress='off', stdout=None):
    path = os.path.join(TMP, name + '.sql')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f"""CREATE TABLE t (id BIGINT, pad STRING) USING json
  OPTIONS (path '{TMP}/in', maxFilesPerTrigger '1');
CREATE STREAMING TABLE o USING json OPTIONS (path '{TMP}/{name}') AS SELECT id, pad FROM STREAM t;
""")

    def limit():
        for what, value in limits or []:
            resource.setrlimit(what, (value, value))
    return subprocess.Popen(
        [PROGRAM, 'run', path, '--available-now', '--checkpoint',
         checkpoint or f'{TMP}/{name}.cp', '--progress', progress, '--ui', 'off'],
        stdin=subprocess.DEVNULL, stdout=stdout or subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, env={**os.environ, **(env or {})}, preexec_fn=limit)


def end(process, name):
    said = process.communicate(timeout=120)[1]
    if process.returncode not in (0, 1):
        failures.append(f'{name}: status {process.returncode}: {said[-300:]}')
    if process.returncode == 1 and 'error' not in said:
        failures.append(f'{name}: status 1 without an error line: {said[-300:]}')
    return process.returncode


def exact(name, **more):
    if end(start(name, **more), name) != 0:
        failures.append(f'{name}: the run without the limit failed')
    if sorted(row['id'] for row in committed(os.path.join(TMP, name))) != EXPECTED:
        failures.append(f'{name}: other rows')


def limited(name, limits):
    ended = [end(start(name, limits=[(what, value)]), name) for what, value in limits]
    exact(name)
    told.append(f'{name} {ended.count(1)}/{len(ended)} stopped')


def suspended():
    process = start('suspended')
    for _ in range(15):
        time.sleep(0.01)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.02)
        process.send_signal(signal.SIGCONT)
    end(process, 'suspended')
    exact('suspended')
    told.append('suspended')


def reader_gone():
    reader, writer = os.pipe()
    process = start('pipe', progress='json', stdout=writer)
    os.close(writer)
    os.close(reader)
    end(process, 'pipe')
    exact('pipe')
    told.append('pipe')


def read_only():
    folder = os.path.join(TMP, 'ro')
    os.makedirs(folder)
    tmpfs = ['mount', '-t', 'tmpfs', '-o']
    if subprocess.run([*tmpfs, 'size=16m', 'tmpfs', folder], stderr=subprocess.DEVNULL,
                      check=False).returncode:
        told.append('read-only skipped: no right to mount')
        return
    try:
        subprocess.run([*tmpfs, 'remount,ro', 'tmpfs', folder], check=True)
        if end(start('readonly', checkpoint=folder + '/cp'), 'readonly') != 1:
            failures.append('readonly: it went on')
        subprocess.run([*tmpfs, 'remount,rw', 'tmpfs', folder], check=True)
        exact('readonly', checkpoint=folder + '/cp')
    finally:
        subprocess.run(['umount', '-l', folder], check=False)
    told.append('read-only')


def clock():
    library = next(iter(glob.glob('/usr/lib/*/faketime/libfaketimeMT.so.1')), None)
    if not library:
        told.append('clock skipped: no libfaketime')
        return
    for number, jump in enumerate(('+3600', '-3600', '-40y', '+40y')):
        env = {'LD_PRELOAD': library, 'FAKETIME': jump, 'FAKETIME_DONT_FAKE_MONOTONIC': '1',
               'HR_CRASH_AT': f'journal-commit:{3 * number + 3}'}
        start('clock', env=env).communicate(timeout=120)
    exact('clock')
    told.append('clock jumps')


write_input()
limited('descriptors', [(resource.RLIMIT_NOFILE, n) for n in (6, 10, 14, 18, 24)])
limited('filesize', [(resource.RLIMIT_FSIZE, n) for n in (0, 4096, 20000, 70000)])
suspended()
reader_gone()
read_only()
clock()
print('\n'.join(failures) or ', '.join(told))
sys.exit(bool(failures))
