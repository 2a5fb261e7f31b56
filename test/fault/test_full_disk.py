#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A disk that fills up under a stream, once the sink's and once the checkpoint's.

The query ends with status 1 and an error that names the file and says why; when there is room
again, the same command goes on and the output is that of an undisturbed run: no row lost or twice.
The disk is a small tmpfs; without the right to mount one the test is skipped.
"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ['HR_ROOT'], 'test'))
from sink_files import committed  # noqa: E402

PROGRAM = os.environ['HEADRACE']
TMP = os.path.abspath(os.environ.get('HR_TMP', '.'))
FILES, ROWS = 20, 2000


def headrace(folder, *args):
    return subprocess.run([PROGRAM, *args], cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=120)


def mount(folder, size, *options):
    return subprocess.run(['mount', '-t', 'tmpfs', '-o', ','.join(['size=' + size, *options]),
                           'tmpfs', folder], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


TABLE = ("CREATE TABLE t (id BIGINT, ts TIMESTAMP, pad STRING) USING json OPTIONS (path 'in', "
         "maxFilesPerTrigger '1');\n")
QUERY = {
    'sink': 'SELECT id, pad FROM STREAM t',
    'checkpoint': 'SELECT id, max(pad) AS pad FROM STREAM t WATERMARK ts DELAY OF INTERVAL 10 '
                  "MINUTES GROUP BY window(ts, '1 minute'), id",
}


def run(folder, what, name, checkpoint, out):
    with open(os.path.join(folder, name), 'w', encoding='utf-8') as f:
        f.write(TABLE + "CREATE STREAMING TABLE copy USING json OPTIONS (path '%s') AS %s;\n"
                % (out, QUERY[what]))
    return headrace(folder, 'run', name, '--available-now', '--checkpoint', checkpoint,
                    '--progress', 'off')


def write_input(folder):
    os.makedirs(os.path.join(folder, 'in'))
    for i in range(FILES):
        with open(os.path.join(folder, 'in', 'f%02d.json' % i), 'w', encoding='utf-8') as f:
            for n in range(i * ROWS, (i + 1) * ROWS):
                f.write('{"id":%d,"ts":"2026-01-01T%02d:%02d:%02dZ","pad":"%s"}\n'
                        % (n, n // 3600, n // 60 % 60, n % 60, 'x' * 40))


def fill_up(what, size):
    folder = os.path.join(TMP, what)
    small = os.path.join(folder, 'small')
    os.makedirs(small)
    write_input(folder)
    undisturbed = run(folder, what, 'whole.sql', 'whole', os.path.join(folder, 'whole_out'))
    assert undisturbed.returncode == 0, undisturbed
    expected = sorted(row['id'] for row in committed(os.path.join(folder, 'whole_out')))
    assert len(expected) > FILES * ROWS // 2 and len(set(expected)) == len(expected)
    if not mount(small, size):
        print('no right to mount a tmpfs')
        sys.exit(77)
    out = os.path.join(small if what == 'sink' else folder, 'out')
    checkpoint = os.path.join(small if what == 'checkpoint' else folder, 'checkpoint')
    try:
        full = run(folder, what, 'q.sql', checkpoint, out)
        assert full.returncode == 1, (what, full)
        assert 'No space left on device' in full.stderr and small in full.stderr, (what, full)
        before = len(committed(out))
        assert before < len(expected), what
        assert mount(small, '64m', 'remount')
        again = run(folder, what, 'q.sql', checkpoint, out)
        assert again.returncode == 0, (what, again)
        assert sorted(row['id'] for row in committed(out)) == expected, what
    finally:
        subprocess.run(['umount', '-l', small], check=False)
    shutil.rmtree(folder)
    print('%s: %d rows, stopped after %d, then exact' % (what, len(expected), before))


fill_up('sink', '1m')
fill_up('checkpoint', '1m')  # no room for the journal's first block
fill_up('checkpoint', '4220k')  # room for some epochs' state
