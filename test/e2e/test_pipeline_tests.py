#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""headrace test and lint: the example of docs/TESTING.md, what fails, what is replaced; and that
completions and manual pages name every command and option."""
import json
import os
import re
import subprocess
import sys

PROGRAM = os.environ['HEADRACE']
ROOT = os.environ['HR_ROOT']
TMP = os.environ['HR_TMP']
failures = []


def run(*args):
    return subprocess.run([PROGRAM, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=120, cwd=TMP, stdin=subprocess.DEVNULL)


def check(what, got, expected):
    if got != expected:
        failures.append('%s\n  got      %r\n  expected %r' % (what, got, expected))


def contains(what, text, *parts):
    for part in parts:
        if part not in text:
            failures.append('%s\n  %r\n  lacks %r' % (what, text, part))


def write(name, text):
    path = os.path.join(TMP, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    return path


def test_documented():
    with open(os.path.join(ROOT, 'docs/TESTING.md'), encoding='utf-8') as file:
        page = file.read()
    write('doc/totals.sql', re.search(r'```sql\n(.*?)```', page, re.S).group(1))
    text = re.search(r'```\n(# Sums.*?)```', page, re.S).group(1)
    write('doc/below/../good.test', text)
    result = run('test', 'doc')
    check('the documented test', (result.returncode, result.stdout),
          (0, 'ok   doc/good.test\n1 passed, 0 failed\n'))
    wrong = text.replace('b|2024-05-01 10:01:00|2.0', 'c|NULL|\\e').replace('----\n2', '----\n3')
    write('doc/below/wrong.test', wrong.replace('job totals', 'job ../totals'))
    result = run('test', 'doc')
    check('a wrong one', result.returncode, 1)
    contains('a wrong one', result.stdout, 'expect totals: the rows differ',
             '  + b|2024-05-01 10:01:00|2.0\n  - c|NULL|\\e\n', 'query: the rows differ',
             '  + 2\n  - 3\n', 'FAIL doc/below/wrong.test\n', 'ok   doc/good.test',
             '1 passed, 1 failed\n')


JOB = """
CREATE TABLE clicks USING generator OPTIONS (name 'clicks', rowsPerSecond '100');
CREATE TABLE raw USING kafka OPTIONS (subscribe 'x', `kafka.bootstrap.servers` 'localhost:1');
CREATE TABLE lines (a INT, b STRING) USING csv OPTIONS (path '/nowhere', sep ';');
CREATE TABLE sums (b STRING, n BIGINT) USING csv OPTIONS (path '/nowhere/sums');
CREATE TABLE words (w STRING);
INSERT INTO words VALUES ('one');
CREATE FLOW f AS INSERT INTO sums SELECT b, a * 2L FROM STREAM lines WHERE a > 1;
CREATE STREAMING TABLE per USING console OPTIONS (outputMode 'complete', trigger '1 hour') AS
  SELECT b, count(*) AS n FROM STREAM lines GROUP BY b;
CREATE STREAMING TABLE keys USING json OPTIONS (path '/nowhere/keys') AS
  SELECT CAST(key AS STRING) AS k FROM STREAM raw;
CREATE STREAMING TABLE again USING noop AS SELECT k || '!' AS k FROM STREAM keys;
CREATE STREAMING TABLE seen USING noop AS SELECT page FROM STREAM clicks;
CREATE ALERT many SEVERITY critical KEY (b) WHEN n > 1
  DO WEBHOOK OPTIONS (url 'http://127.0.0.1:1/') AS SELECT b, a AS n FROM STREAM lines;
"""


def test_replaced():
    write('job/job.sql', JOB)
    write('job/t.test', """job job.sql
set spark.sql.shuffle.partitions=2

input lines
1;x
2;y

expect sums
y|4

expect per
x|1
y|1

input lines
3;x

input lines
4;y

expect sums
x|6
y|8

expect per
x|2
y|2

input raw
{"key":"aGk="}

expect keys
hi

expect again
hi!

query
SELECT sum(n) FROM sums
----
18

query
SELECT * FROM words
----
one
""")
    result = run('test', 'job/t.test')
    check('what is replaced', (result.returncode, result.stdout),
          (0, 'ok   job/t.test\n1 passed, 0 failed\n'))
    check('nothing was written', [os.path.exists('/nowhere'), os.path.exists(
        os.path.join(TMP, 'spark-warehouse'))], [False, False])
    explained = run('explain', write('job/plain.sql', "CREATE TABLE words (w STRING);\n"
                    "CREATE TABLE more AS SELECT w FROM words;\nSELECT * FROM more;\n"))
    check('explain', (explained.returncode, explained.stderr), (0, ''))
    check('explain writes nothing', os.path.exists(os.path.join(TMP, 'spark-warehouse')), False)


INPUT_T = 'job ok.sql\n\ninput t\n{"a":1}\n\n'


def test_failures():
    write('bad/job.sql',
          "CREATE TABLE t (a INT) USING json OPTIONS (path 'in');\nSELECT * FROM u;\n")
    write('bad/ok.sql', "CREATE TABLE t (a INT) USING json OPTIONS (path 'in');\n"
                        "CREATE STREAMING TABLE o USING noop AS SELECT 1 / a AS x FROM STREAM t;\n")
    cases = {
        'nojob': ('expect x\n', 'the job is missing'),
        'word': ('job ok.sql\nfrob x\n', ':2: not one of job, set'),
        'gone': ('job nosuch.sql\n', 'the job does not start'),
        'sql': ('job job.sql\n\ninput t\n{"a":1}\n', 'the job does not start'),
        'input': (INPUT_T + 'input zzz\n1\n', '[HR_INVALID_ARGUMENT] the job makes no'),
        'expect': (INPUT_T + 'expect zzz\n', 'no streaming table zzz'),
        'fails': ('job ok.sql\n\ninput t\n{"a":0}\n', '[DIVIDE_BY_ZERO]'),
        'late': (INPUT_T + 'clock 2024-01-01 00:00:00\n', 'clock goes in'),
        'duration': ('job ok.sql\nadvance soon\n', 'advance: a duration'),
        'query': ('job ok.sql\nquery\nSELECT 1\n', 'query: a SELECT, then'),
    }
    for name, (text, _) in cases.items():
        write('bad/%s.test' % name, text)
    result = run('test', 'bad')
    check('failures', result.returncode, 1)
    contains('failures', result.stdout, '0 passed, %d failed\n' % len(cases),
             *[part for _, part in cases.values()])
    contains('the job\'s own error', result.stderr, 'at bad/job.sql:2:15')
    os.makedirs(os.path.join(TMP, 'empty'), exist_ok=True)
    check('no tests', run('test', 'empty').returncode, 1)
    check('no path', run('test').returncode, 2)
    check('timeout', run('test', '--timeout', '0', 'bad').returncode, 2)
    check('nothing is left', [n for n in os.listdir(os.environ.get('TMPDIR', '/tmp'))
                              if n.startswith('headrace-test-') and os.path.isdir(os.path.join(
                                  os.environ.get('TMPDIR', '/tmp'), n, 'input-t'))], [])


def test_lint():
    good = write('good.sql', "CREATE TABLE t (a INT) USING json OPTIONS (path 'in');\n"
                             "CREATE STREAMING TABLE o USING json OPTIONS (path 'lint-out') AS\n"
                             "SELECT a FROM STREAM t;\nSELECT count(*) FROM o")
    wrong = write('wrong.sql', "SELECT 1;\nSELECT nope;\nSELECT frob(1);\nSELEC 1;\nSELECT 2;\n")
    result = run('lint', good)
    check('lint of a good job', (result.returncode, result.stdout), (0, ''))
    contains('lint of a good job', result.stderr, '3 statements checked, 0 errors')
    check('nothing ran', os.path.exists(os.path.join(TMP, 'lint-out')), False)
    result = run('lint', good, wrong)
    check('lint of a wrong one', result.returncode, 1)
    contains('lint of a wrong one', result.stderr, 'wrong.sql:2:8', 'wrong.sql:3:8',
             'wrong.sql:4:', '3 errors')
    result = run('lint', '--format', 'json', wrong)
    found = [json.loads(line) for line in result.stdout.splitlines()]
    check('lint as JSON', [(o['line'], o['errorClass']) for o in found],
          [(2, 'UNRESOLVED_COLUMN.WITHOUT_SUGGESTION'), (3, 'UNRESOLVED_ROUTINE'),
           (4, 'PARSE_SYNTAX_ERROR')])
    flow = write('flow.sql', "CREATE TABLE t (a INT) USING json OPTIONS (path 'in');\n"
                 "CREATE TABLE o (a INT, b INT) USING json OPTIONS (path 'o');\n"
                 "CREATE FLOW f AS INSERT INTO o SELECT a FROM STREAM t;\n"
                 "CREATE FLOW g AS INSERT INTO o SELECT a, true FROM STREAM t;\n")
    contains('flows fit their table', run('lint', flow).stderr, '2 errors',
             'INSERT_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS',
             'INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST')
    check('no such file', run('lint', 'nosuch.sql').returncode, 1)
    check('no file', run('lint').returncode, 2)


def commands():
    text = run('--help').stdout
    return re.findall(r'^  ([a-z]+) ', text[text.index('Commands:'):], re.M)


def test_manual():
    for command in commands():
        page = run('manual', command).stdout
        contains('manual ' + command, page, '.TH headrace-' + command + ' 1')
        for option in re.findall(r'--([a-z-]+)', run(command, '--help').stdout):
            if option != 'help':
                contains('manual ' + command, page, option.replace('-', '\\-'))
        for shell in ('bash', 'zsh', 'fish'):
            contains('completions ' + shell, run('completions', shell).stdout, command)
    check('manual nosuch', run('manual', 'nosuch').returncode, 2)
    check('completions tcsh', run('completions', 'tcsh').returncode, 2)
    probe = ('eval "$(%s completions bash)"; COMP_WORDS=(headrace %%s); COMP_CWORD=%%d; _headrace'
             '; echo "${COMPREPLY[@]}"' % PROGRAM)
    for words, at, expected in (('ru', 1, 'run'), ('run --avail', 2, '--available-now'),
                                ('run --progress js', 3, 'json')):
        got = subprocess.run(['bash', '-c', probe % (words, at)], stdout=subprocess.PIPE,
                             text=True, check=False).stdout.strip()
        check('completion of ' + words, got, expected)


for test in (test_documented, test_replaced, test_failures, test_lint, test_manual):
    test()
for failure in failures:
    print('FAIL ' + failure)
sys.exit(1 if failures else 0)
