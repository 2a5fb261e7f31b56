#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/SQL.md run as they stand, each in a folder of its own."""
import os
import re
import subprocess
import sys
import tempfile

HEADRACE = os.environ.get('HEADRACE', 'build/headrace')
ROOT = os.environ.get('HR_ROOT', '.')


def main():
    with open(os.path.join(ROOT, 'docs', 'SQL.md'), encoding='utf-8') as f:
        blocks = re.findall(r'```sql\n(.*?)```', f.read(), re.S)
    failed = 0
    for block in blocks:
        with tempfile.TemporaryDirectory(dir=os.environ.get('HR_TMP')) as folder:
            done = subprocess.run([os.path.abspath(HEADRACE), 'sql', '-e', block], cwd=folder,
                                  capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            failed += 1
            print(f'{block}\n{done.stderr}')
    assert blocks
    sys.exit(failed > 0)


if __name__ == '__main__':
    main()
