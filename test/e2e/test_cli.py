#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line as users see it: exit statuses, formats, carets, pipes, --keep-going."""
import json
import os
import signal
import subprocess
import sys
import time

PROGRAM = os.environ['HEADRACE']
TMP = os.environ.get('HR_TMP', '.')
failures = []


def run(*args, stdin=None, env=None):
    return subprocess.run([PROGRAM, *args], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60,
                          stdin=None if stdin is not None else subprocess.DEVNULL,
                          env=dict(os.environ, **(env or {})))


def check(what, got, expected):
    if got != expected:
        failures.append('%s\n  got      %r\n  expected %r' % (what, got, expected))


def contains(what, text, *parts):
    for part in parts:
        if part not in text:
            failures.append('%s\n  %r\n  lacks %r' % (what, text, part))


def test_usage():
    check('no command', run().returncode, 2)
    check('--help', run('--help').returncode, 0)
    contains('--version', run('--version').stdout, 'headrace ')
    unknown = run('sqll')
    check('unknown command', unknown.returncode, 2)
    contains('unknown command', unknown.stderr, "did you mean 'sql'?")
    for command in ('sql', 'run', 'explain', 'checkpoint', 'generate', 'demo', 'options', 'serve'):
        help_text = run(command, '--help')
        check(command + ' --help', help_text.returncode, 0)
        contains(command + ' --help', help_text.stdout, 'Usage: headrace ' + command)
        check(command + ' --nonsense', run(command, '--nonsense').returncode, 2)
    wrong = run('sql', '--formt', 'csv')
    check('typo', wrong.returncode, 2)
    contains('typo', wrong.stderr, 'did you mean --format?')
    for args in (['sql', '--format', 'xml', '-e', 'SELECT 1'], ['sql', '-e'], ['sql', 'SELECT 1'],
                 ['sql', '--set', 'x', '-e', 'SELECT 1'], ['run'], ['run', 'a', 'b'],
                 ['run', 'a', '--progress', 'maybe'], ['run', 'a', '--once', '--available-now'],
                 ['checkpoint'], ['generate'], ['generate', 'payments', '--rows', 'x']):
        check(' '.join(args), run(*args).returncode, 2)


def test_log():
    wrong = run('sql', '-e', 'SELECT 1', env={'HEADRACE_LOG': 'loud'})
    contains('HEADRACE_LOG=loud', wrong.stderr, 'HEADRACE_LOG=loud is not understood')
    lines = run('sql', '-e', 'SELECT 1', env={'HEADRACE_LOG': 'debug,json', 'HR_ISA': 'a"b'}).stderr
    logged = [json.loads(line) for line in lines.splitlines()]
    check('a JSON log line', [(o['level'], o['msg']) for o in logged if 'HR_ISA' in o['msg']],
          [('debug', 'HR_ISA=a"b is not available here')])
    plain = run('sql', '-e', 'SELECT 1', env={'HEADRACE_LOG': 'debug', 'HR_ISA': 'x'}).stderr
    contains('a log line', plain, 'Z debug HR_ISA=x is not available here')
    check('no log by default', run('sql', '-e', 'SELECT 1', env={'HR_ISA': 'x'}).stderr, '')


def test_formats():
    sql = "SELECT 1+1 AS two, 'a,\"b\"' AS s, CAST(NULL AS INT) AS n"
    table = run('sql', '-e', sql)
    check('table status', table.returncode, 0)
    check('table', table.stdout, '+---+-----+----+\n|two|    s|   n|\n+---+-----+----+\n'
                                 '|  2|a,"b"|NULL|\n+---+-----+----+\n')
    check('csv', run('sql', '--format', 'csv', '-e', sql).stdout, 'two,s,n\n2,"a,""b""",\n')
    check('csv two', run('sql', '--format=csv', '-e', 'SELECT 1+1 AS two').stdout, 'two\n2\n')
    text = run('sql', '--format', 'json', '-e', sql).stdout
    rows = [json.loads(line) for line in text.splitlines()]
    check('json', rows, [{'two': 2, 's': 'a,"b"', 'n': None}])
    results = run('sql', '--format', 'results', '-e', sql + '; SELECT 2')
    first, second = [json.loads(line) for line in results.stdout.splitlines()]
    check('results', first, {'sql': sql, 'rows': [['2', 'a,"b"', None]], 'columns': [
        {'name': 'two', 'type': 'int'}, {'name': 's', 'type': 'string'},
        {'name': 'n', 'type': 'int'}]})
    check('results 2', second['rows'], [['2']])


def test_errors():
    wrong = run('sql', '-e', 'SELEC 1')
    check('error status', wrong.returncode, 1)
    check('nothing on standard output', wrong.stdout, '')
    check('error', wrong.stderr, "headrace: error: [PARSE_SYNTAX_ERROR] "
          "Syntax error at or near 'SELEC'. (42601) at -e:1:1\n  SELEC 1\n  ^\n")
    path = os.path.join(TMP, 'wrong.sql')
    with open(path, 'w', encoding='utf-8') as f:
        f.write("SELECT 1;\n\nSELECT 'é',\n\tnosuch\nFROM VALUES (1) AS t(a);\n")
    wrong = run('sql', '-f', path)
    check('error in a file', wrong.returncode, 1)
    contains('error in a file', wrong.stdout, '|  1|')
    contains('error in a file', wrong.stderr, '[UNRESOLVED_COLUMN.',
             ' at %s:4:2\n  \tnosuch\n  \t^\n' % path)
    missing = run('sql', '-f', os.path.join(TMP, 'missing.sql'))
    check('missing file', missing.returncode, 1)
    contains('missing file', missing.stderr, 'missing.sql')
    stopped = run('sql', '--format', 'csv', '-e', 'SELECT 1 AS a; SELEC; SELECT 2')
    check('stops', stopped.stdout, 'a\n1\n')
    on = run('sql', '--keep-going', '--format', 'csv', '-e',
             'SELECT 1 AS a; SELEC; SELECT 2 AS b')
    check('goes on', (on.returncode, on.stdout), (1, 'a\n1\nb\n2\n'))
    on = run('sql', '--keep-going', '--format', 'results', '-e', 'SELECT 1; SELEC; SELECT 2')
    lines = [json.loads(line) for line in on.stdout.splitlines()]
    check('results go on', [line['sql'] for line in lines], ['SELECT 1', 'SELEC', 'SELECT 2'])
    check('error object', lines[1]['error'], {
        'class': 'PARSE_SYNTAX_ERROR', 'sqlState': '42601',
        'message': "Syntax error at or near 'SELEC'.",
        'parameters': {'error': "'SELEC'", 'hint': ''}, 'line': 1, 'column': 1})


def test_pipe():
    piped = run('sql', '--format', 'csv', stdin="SELECT 1 AS a; -- c;\nSELECT ';' AS b;\n")
    check('pipe', (piped.returncode, piped.stdout), (0, 'a\n1\nb\n;\n'))
    check('empty', run('sql', stdin='').returncode, 0)
    gone = subprocess.Popen([PROGRAM, 'generate', 'payments'], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    gone.stdout.readline()
    gone.stdout.close()
    check('a reader that goes', gone.wait(timeout=20), 0)


def test_generate():
    first = run('generate', 'payments', '--rows', '50', '--seed', '7')
    check('generate', (first.returncode, len(first.stdout.splitlines())), (0, 50))
    again = run('generate', 'payments', '--rows', '50', '--seed', '7')
    check('same seed', again.stdout, first.stdout)
    other = run('generate', 'payments', '--rows', '50', '--seed', '8').stdout
    check('another seed differs', other != first.stdout, True)
    check('unknown events', run('generate', 'nosuch').returncode, 1)


def write_job(name, trigger):
    path = os.path.join(TMP, name + '.sql')
    with open(path, 'w', encoding='utf-8') as f:
        f.write("CREATE TABLE p USING rate OPTIONS (rowsPerSecond '100');\n"
                "CREATE STREAMING TABLE %s USING noop OPTIONS (%s) AS\n"
                "  SELECT value FROM STREAM p WHERE value > 10;\n" % (name, trigger))
    return path


def test_stop():
    path = write_job('endless', "trigger '100 milliseconds'")
    job = subprocess.Popen([PROGRAM, 'run', path, '--checkpoint', os.path.join(TMP, 'ck'),
                            '--ui', 'off', '--progress', 'json'], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    line = job.stdout.readline()
    try:
        progress = json.loads(line)
    except ValueError:
        job.kill()
        failures.append('progress is no JSON: %r %r' % (line, job.stderr.read()))
        return
    check('progress', progress.get('name'), 'endless')
    time.sleep(0.3)
    job.send_signal(signal.SIGINT)
    check('Ctrl-C ends it well', job.wait(timeout=20), 0)


def test_options():
    page = run('options', '--markdown').stdout
    with open(os.path.join(os.environ['HR_ROOT'], 'docs/reference/options.md')) as f:
        if 'Reading: kafka' in page and page != f.read():
            failures.append('docs/reference/options.md is out of date: make docs')
    csv = run('options', 'csv').stdout
    contains('options csv', csv, 'maxFilesPerTrigger', 'allowUpdates', 'multiLine', 'outputMode')
    typo = run('options', 'josn')
    check('options josn', typo.returncode, 2)
    contains('options josn', typo.stderr, "did you mean 'json'?")


TESTS = [test_options, test_usage, test_formats, test_errors, test_pipe, test_generate, test_stop]
for test in TESTS:
    if len(sys.argv) < 2 or sys.argv[1] in test.__name__:
        test()
for failure in failures:
    print(failure)
print('%d failures' % len(failures))
sys.exit(1 if failures else 0)
