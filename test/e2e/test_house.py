#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The house's own tools: a checker that finds nothing and a test driver that passes everything
look just like good ones. So: what must be found is found, what must fail fails."""
import os
import subprocess
import sys

ROOT, TMP = os.environ['HR_ROOT'], os.environ['HR_TMP']
sys.path.insert(0, os.path.join(ROOT, 'test'))
sys.dont_write_bytecode = True
import sqltest  # noqa: E402

SPDX = '/* SPDX-License-Identifier: Apache-2.0 */\n'

# A stand-in for the program: `sql` answers from a table, `run` copies its inputs epoch by epoch.
FAKE = r'''#!/usr/bin/env python3
import json, os, re, sys
command, path = sys.argv[1], sys.argv[3 if sys.argv[1] == 'sql' else 2]
text = open(path).read()
if command == 'sql':
    for sql in filter(str.strip, text.split('\n;\n')):
        out = {'sql': sql, 'columns': [], 'rows': []}
        if '1/0' in sql:
            out = {'sql': sql, 'error': {'class': 'DIVIDE_BY_ZERO', 'message': 'Division by 0.'}}
        elif 'SELECT' in sql:
            out['columns'] = [{'name': 'a', 'type': 'int'}, {'name': 'b', 'type': 'string'}]
            out['rows'] = [['2', 'x|y'], ['1', None], ['3', ''], ['4', 'NULL'], ['5', ' z\n']]
        if 'DIES' in sql:
            os.kill(os.getpid(), 11)
        print(json.dumps(out), flush=True)
    sys.exit()
if 'REFUSED' in text:
    sys.exit('[REFUSED.BY] nobody knows why')
source = re.search(r"path '([^']*/in/input)'", text)[1]
out = re.search(r"path '([^']*/out)'", text)[1]
os.makedirs(out + '/_spark_metadata', exist_ok=True)
crash = int(os.environ.get('HR_CRASH_AT', 'none:99').split(':')[1])
for epoch, name in enumerate(sorted(os.listdir(source))):
    done = f'{out}/_spark_metadata/{epoch}'
    if os.path.exists(done):
        continue
    if 'LOSES' in text and epoch == 1 and os.path.exists(out + '/died'):
        continue
    if epoch + 1 == crash:
        open(out + '/died', 'w')
        os._exit(137)
    open(f'{out}/part-{epoch}.json', 'w').write(open(f'{source}/{name}').read())
    open(done, 'w').write('v1\n' + json.dumps({'path': f'file://{out}/part-{epoch}.json'}))
'''

SQL = r'''
# comment
statement ok
CREATE TABLE t (a INT);

statement error DIVIDE_BY_ZERO Division
SELECT 1/0

query rowsort
SELECT a, b FROM t
---- typed
a:int|b:string
1|NULL
2|x\|y
3|\e
4|\NULL
5|\sz\n
'''
STREAM = r'''
schema a STRING, n DECIMAL(3,2)
input
{"a":"x","n":1.10}
{"a":null,"n":2}

input
{"a":"y","n":[1,{"k":1.0}]}

run
SELECT * FROM STREAM input
---- batch 0
NULL|2
x|1.10

---- batch 1
y|[1,{"k":1.0}]

run error REFUSED nobody
SELECT REFUSED
'''
failures = []


def expect(what, have, want):
    if have != want:
        failures.append(f'{what}: {have!r}, expected {want!r}')


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as f:
        f.write(text)


def verdict(text, **options):
    count[0] += 1
    path = f'{TMP}/{count[0]}/x.test'
    write(path, text)
    return sqltest.run_file(path, f'{TMP}/headrace', TMP, os.path.dirname(path), **options)


count = [0]


def check_sqltest():
    write(f'{TMP}/headrace', FAKE)
    os.chmod(f'{TMP}/headrace', 0o755)
    write(f'{TMP}/hr_config.h', '#define HR_HAVE_LZ4 1\n#define HR_HAVE_MQTT 0\n')
    expect('sql', verdict(SQL), ('ok', ''))
    expect('stream', verdict(STREAM), ('ok', ''))
    for old, new, part in [
            ('DIVIDE_BY_ZERO', 'OVERFLOW', 'expected OVERFLOW, got DIVIDE_BY_ZERO'),
            ('Division\n', 'Subtraction\n', 'a message with "Subtraction"'),
            ('error DIVIDE_BY_ZERO Division', 'ok', 'failed with DIVIDE_BY_ZERO'),
            ('ok\nCREATE', 'error NOPE\nCREATE', 'succeeded; expected NOPE'),
            ('1|NULL', '1|\\NULL', '- 1|\\NULL'), ('3|\\e\n', '', '+ 3|\\e'),
            ('a:int', 'a:bigint', 'columns differ'), ('query rowsort', 'query', 'rows differ'),
            ('SELECT a', 'SELECT DIES', 'killed by SIGSEGV'),
            ('statement ok', 'statment ok', 'unknown directive')]:
        result, text = verdict(SQL.replace(old, new), only_mode='normal')
        expect(f'sql with {new!r}', (result, part in text), ('FAIL', True))
    for old, new, part in [
            ('x|1.10', 'x|1.1', '+ x|1.10'), ('---- batch 1', '---- batch 2', 'not expected'),
            ('error REFUSED', 'error GRANTED', 'expected GRANTED'),
            ('SELECT *', 'SELECT LOSES', 'mode crash')]:
        for seed in range(20):      # a crash is found when it hits the epoch
            result, text = verdict(STREAM.replace(old, new), seed=seed)
            if result == 'FAIL':
                break
        expect(f'stream with {new!r}', (result, part in text), ('FAIL', True))
    expect('require', verdict('require mqtt\n' + SQL), ('skip', 'built without mqtt'))
    expect('require', verdict('require lz4\n' + SQL), ('ok', ''))
    for value in (None, 'NULL', '', ' a ', 'a|b\\n', '----', 'x\ny\t', '\\', 'N'):
        expect('a value there and back', sqltest.parse_row(sqltest.row_text([value, 'z'])),
               [value, 'z'])


def tidy(files, *args):
    """Findings of tools/tidy as {(file, rule)} in a repository with these files."""
    count[0] += 1
    root = f'{TMP}/{count[0]}'
    with open(f'{ROOT}/tools/tidy') as f:
        write(f'{root}/tools/tidy', f.read())
    for path, text in files.items():
        write(f'{root}/{path}', text)
    subprocess.run(['git', 'init', '-q', root], check=True)
    run = subprocess.run([sys.executable, f'{root}/tools/tidy', *args], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True)
    lines = [l.split(':') for l in run.stdout.split('\n') if l]
    return run.returncode, {(l[0], l[2].strip()) for l in lines if l[2] != ' warning'}


def check_tidy():
    c, h = 'src/base/a.c', 'src/base/a.h'
    good = {'src/base/README.md': '', h: SPDX + '#include <stdint.h>\nextern int32_t x;\n',
            c: SPDX + '#include "base/a.h"\nint32_t x;\n'}
    expect('tidy, nothing wrong', tidy(good, '--headers'), (0, set()))
    long_function = 'static int f(void)\n{\n' + '    x++;\n' * 70 + '    return x;\n}\n'
    for what, files, rule in [
            ('edge', {c: good[c] + '#include "rdd/b.h"\n', 'src/rdd/b.h': SPDX,
                      'src/rdd/README.md': ''}, (c, 'edge')),
            ('edge that no file needs', {'src/state/s.c': SPDX, 'src/state/README.md': ''},
             ('tools/tidy', 'edge')),
            ('no such header', {c: good[c] + '#include "base/no.h"\n'}, (c, 'include')),
            ('banned', {c: good[c] + 'int y = atoi("1");\n'}, (c, 'banned')),
            ('long line', {c: good[c] + '/*' + 'x' * 100 + '*/\n'}, (c, 'line')),
            ('licence', {c: '#include "base/a.h"\n'}, (c, 'spdx')),
            ('to do', {c: good[c] + '/* TO' + 'DO: later */\n'}, (c, 'todo')),
            ('long function', {c: good[c] + long_function}, (c, 'function')),
            ('long file', {c: good[c] + '\n' * 2000}, (c, 'size')),
            ('unused header', {'src/base/b.h': SPDX}, ('src/base/b.h', 'dead')),
            ('header alone', {h: SPDX + 'extern int32_t x;\n'}, (h, 'alone')),
            ('no README', {'src/rdd/e.c': SPDX}, ('src/rdd/README.md', 'readme'))]:
        expect(f'tidy, {what}', tidy({**good, **files}, '--headers'), (1, {rule}))
    for text in ('/* atoi(x) */\n', 'const char *y = "atoi(x)";\n', '/* TO' + 'DO(#12) */\n'):
        expect(f'tidy, {text!r} is fine', tidy({**good, c: good[c] + text}), (0, set()))
    ratchet = {'tools/tidy-ratchet.json': '{"%s": {"f": %d}}' % (c, 74)}
    expect('ratchet holds', tidy({**good, c: good[c] + long_function, **ratchet}), (0, set()))
    grown = long_function.replace('{\n', '{\n    x--;\n', 1)
    expect('ratchet, grown', tidy({**good, c: good[c] + grown, **ratchet}),
           (1, {(c, 'function')}))


check_sqltest()
check_tidy()
print('\n'.join(failures))
sys.exit(bool(failures))
