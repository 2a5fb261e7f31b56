#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A warehouse under kills and under two processes: a table has what it had, or what was written.

Writers are killed at random moments; after each kill a reader must see all rows of one write.
Two writers at once lose nothing. A stream into a table is there once, however often it dies.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HEADRACE = os.environ.get('HEADRACE', 'build/headrace')
SEED = int(os.environ.get('HR_SEED', '1'))
ROWS = 200000


def run(folder, sql, check=True, program='sql'):
    done = subprocess.run([HEADRACE, program, '--format', 'csv', '-e', sql], cwd=folder,
                          capture_output=True, text=True, timeout=120, check=False)
    if check and done.returncode:
        sys.exit(f'{sql}: {done.stderr}')
    return done.stdout.split('\n')[1:-1]


def killed(folder, sql, after):
    process = subprocess.Popen([HEADRACE, 'sql', '-e', sql], cwd=folder, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()


def overwrite_under_kills(folder, rng):
    run(folder, f'CREATE TABLE t AS SELECT id, 0 AS n FROM range({ROWS})')
    seen = 0
    for n in range(1, 13):
        killed(folder, f'INSERT OVERWRITE t SELECT id, {n} FROM range({ROWS})',
               rng.uniform(0.005, 0.25))
        rows = run(folder, 'SELECT n, count(*) FROM t GROUP BY n')
        assert len(rows) == 1, f'half a write is there: {rows}'
        value, count = map(int, rows[0].split(','))
        assert count == ROWS and value in (seen, n), rows
        seen = value


def create_under_kills(folder, rng):
    for n in range(8):
        killed(folder, f'CREATE TABLE c{n} AS SELECT id FROM range({ROWS})',
               rng.uniform(0.005, 0.25))
        there = run(folder, f"SHOW TABLES LIKE 'c{n}'")
        if there:
            assert run(folder, f'SELECT count(*) FROM c{n}') == [str(ROWS)]
        else:
            run(folder, f'CREATE TABLE c{n} AS SELECT 1 AS id')
            assert run(folder, f'SELECT count(*) FROM c{n}') == ['1']


def two_writers(folder):
    run(folder, 'CREATE TABLE w (a INT)')
    text = '; '.join(['INSERT INTO w VALUES (1)'] * 20)
    writers = [subprocess.Popen([HEADRACE, 'sql', '-e', text], cwd=folder) for _ in range(2)]
    assert [p.wait() for p in writers] == [0, 0]
    assert run(folder, 'SELECT count(*) FROM w') == ['40']


def stream_into_table(folder, rng):
    os.mkdir(os.path.join(folder, 'in'))
    run(folder, 'CREATE TABLE sink (a INT, f INT)')
    for f in range(20):
        with open(os.path.join(folder, 'in', f'{f}.json'), 'w', encoding='utf-8') as out:
            for a in range(50):
                out.write('{"a":%d,"f":%d}\n' % (a, f))
    job = os.path.join(folder, 'job.sql')
    with open(job, 'w', encoding='utf-8') as out:
        out.write("CREATE TABLE src (a INT, f INT) USING json OPTIONS (path 'in', "
                  "maxFilesPerTrigger '1');\n"
                  'CREATE FLOW fl AS INSERT INTO sink SELECT a, f FROM STREAM src;\n')
    command = [HEADRACE, 'run', job, '--available-now', '--checkpoint', 'cp', '--ui', 'off']
    for _ in range(6):
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.005, 0.1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        rows = run(folder, 'SELECT f, count(*) FROM sink GROUP BY f')
        assert all(r.endswith(',50') for r in rows), f'half an epoch: {rows}'
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    assert run(folder, 'SELECT count(*), count(DISTINCT f) FROM sink') == ['1000,20']


def main():
    rng = random.Random(SEED)
    folder = tempfile.mkdtemp(dir=os.environ.get('HR_TMP'))
    try:
        overwrite_under_kills(folder, rng)
        create_under_kills(folder, rng)
        two_writers(folder)
        stream_into_table(folder, rng)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    main()
