#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SQLite and a real PostgreSQL as source and sink: types both ways, keys, changes, refused rows,
kills at every point of an epoch, a second writer, a server that goes away.
"""
import base64
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ['HR_ROOT'], 'test'))
import postgres_server  # noqa: E402
from sink_files import committed  # noqa: E402

HEADRACE, TMP = os.environ['HEADRACE'], os.environ['HR_TMP']
failures = []


def check(what, got, expected):
    if got != expected:
        failures.append('%s\n  got      %.900r\n  expected %.900r' % (what, got, expected))


def headrace(*args, env=None, status=0):
    done = subprocess.run([HEADRACE, *args], cwd=TMP, text=True, timeout=60,
                          env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if status is not None and done.returncode != status:
        failures.append(f'{args}: status {done.returncode}: {done.stderr[-600:]}')
    return done


def sql(text, status=0):
    return headrace('sql', '--format', 'csv', '-e', text, status=status)


def write(name, text):
    path = os.path.join(TMP, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    return path


def run(name, text, env=None, status=0):
    path = write(name + '.sql', text)
    return headrace('run', path, '--checkpoint', f'{TMP}/{name}.cp', '--ui', 'off', '--progress',
                    'off', '--available-now', env=env, status=status)


class Sqlite:
    name = 'sqlite'

    def __init__(self):
        self.path = os.path.join(TMP, 'db.sqlite')

    def using(self, options):
        return f"USING sqlite OPTIONS (path '{self.path}', {options})"

    def rows(self, text):
        with sqlite3.connect(self.path) as db:
            return ['|'.join('' if v is None else str(v) for v in row)
                    for row in db.execute(text).fetchall()]

    def do(self, text):
        with sqlite3.connect(self.path) as db:
            db.executescript(text)


class Postgres:
    name = 'postgres'

    def __init__(self, server):
        self.server = server

    def using(self, options):
        return f"USING postgres OPTIONS (url '{self.server.url()}', {options})"

    def rows(self, text):
        return self.server.sql(text)

    def do(self, text):
        self.server.sql(text)


TYPES = [('a', 'BOOLEAN', 'true'), ('b', 'TINYINT', '-128Y'), ('c', 'SMALLINT', '32767S'),
         ('d', 'INT', '-2147483648'), ('e', 'BIGINT', '9223372036854775807'),
         ('f', 'FLOAT', 'CAST(1.5 AS FLOAT)'), ('g', 'DOUBLE', '0.1D'),
         ('h', 'DECIMAL(38,10)',
          "CAST('1234567890123456789012345678.0123456789' AS DECIMAL(38,10))"),
         ('i', 'STRING', "'it''s \"quoted\" \u00e4\u20ac'"), ('j', 'BINARY', "X'00FF27'"),
         ('k', 'DATE', "DATE'1969-12-31'"),
         ('l', 'TIMESTAMP', "TIMESTAMP'2024-02-29 23:59:59.123456'"),
         ('m', 'TIMESTAMP_NTZ', "TIMESTAMP_NTZ'1900-01-01 00:00:00.000001'"),
         ('`or"der`', 'INT', '1')]


def test_types(db):
    """What goes in comes out, by SQL that quotes names and passes values apart."""
    columns = ', '.join(f'{n} {t}' for n, t, _ in TYPES)
    values = ', '.join(v for _, _, v in TYPES)
    nulls = ', '.join('NULL' for _ in TYPES)
    using = db.using("table 'types; DROP TABLE x'")
    back = ', '.join(f'hex({n})' if t == 'BINARY' else n for n, t, _ in TYPES)
    wanted = ', '.join(f'hex({v})' if t == 'BINARY' else v for _, t, v in TYPES)
    got = sql(f"""CREATE TABLE t ({columns}) {using};
INSERT INTO t VALUES ({values}), ({nulls});
SELECT {back} FROM t WHERE a; SELECT count(*) FROM t WHERE a IS NULL AND m IS NULL;
SELECT {wanted}""")
    lines = got.stdout.splitlines()
    check(db.name + ' types', lines[1], lines[-1])
    check(db.name + ' nulls', lines[3], '1')
    inferred = sql(f"CREATE TABLE t {using}; SELECT e, i, hex(j) FROM t WHERE e IS NOT NULL")
    check(db.name + ' inferred', inferred.stdout.splitlines()[1:],
          sql(f"SELECT {TYPES[4][2]}, {TYPES[8][2]}, hex({TYPES[9][2]})").stdout.splitlines()[1:])
    nested = sql(f"CREATE TABLE n {db.using(chr(116) + 'able ' + chr(39) + 'n' + chr(39))} AS "
                 "SELECT array(1) AS x", status=1)
    check(db.name + ' nested', 'to_json(x)' in nested.stderr, True)


def test_query_and_join(db):
    db.do("CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT)")
    db.do("INSERT INTO names VALUES (1, 'one'), (2, 'two')")
    write('j/1.json', '{"id":1}\n{"id":2}\n{"id":3}\n')
    quoted = db.using("query 'SELECT id + 1 AS next, name FROM names'")
    got = sql(f"CREATE TABLE q {quoted}; SELECT CAST(sum(next) AS INT) FROM q")
    check(db.name + ' query', got.stdout.splitlines()[1:], ['5'])
    using = db.using("table 'names'")
    run(db.name + '-join', f"""
CREATE TABLE names (id INT, name STRING) {using};
CREATE TABLE j (id INT) USING json OPTIONS (path '{TMP}/j');
CREATE STREAMING TABLE o USING json OPTIONS (path '{TMP}/{db.name}-joined') AS
  SELECT j.id, name FROM STREAM j LEFT JOIN names ON j.id = names.id""")
    rows = sorted((r['id'], r.get('name')) for r in committed(f'{TMP}/{db.name}-joined'))
    check(db.name + ' join', rows, [(1, 'one'), (2, 'two'), (3, None)])


def test_refused(db):
    """Rows that break a constraint are dead letters; without those they stop the query."""
    db.do("CREATE TABLE strict (id INTEGER PRIMARY KEY, n INTEGER NOT NULL CHECK (n < 100))")
    write('r/1.json', ''.join('{"id":%d,"n":%s}\n' % (i, n) for i, n in enumerate(
        [1, 200, 2, 'null', 3] + list(range(4, 90)))))
    text = f"""CREATE TABLE r (id INT, n INT) USING json OPTIONS (path '{TMP}/r');
CREATE STREAMING TABLE s {db.using("table 'strict'%s")} AS SELECT id, n FROM STREAM r"""
    got = run(db.name + '-stops', text % '', status=1)
    check(db.name + ' stops', 'HR_SINK_ROW' in got.stderr, True)
    check(db.name + ' nothing of the epoch', db.rows('SELECT count(*) FROM strict'), ['0'])
    run(db.name + '-refuses', text % f", deadLetters '{TMP}/{db.name}.dead'")
    check(db.name + ' rows', db.rows('SELECT count(*), sum(id) FROM strict'),
          ['89|%d' % (sum(range(91)) - 1 - 3)])
    letters = sorted(base64.b64decode(r['raw']).decode()
                     for r in committed(f'{TMP}/{db.name}.dead'))
    check(db.name + ' letters', letters, ['{"id":1,"n":200}', '{"id":3,"n":null}'])


def test_changes(db):
    """A changelog kept as a table: rows come, change and go."""
    epochs = [('+I', 'a', 1), ('+I', 'b', 2)], [('+I', 'a', 3), ('-D', 'b', 2)]
    for i, lines in enumerate(epochs):
        write(f'ch/{i}.json', ''.join(json.dumps({'op': o, 'k': k, 'n': n}) + '\n'
                                      for o, k, n in lines))
    run(db.name + '-changes', f"""
CREATE TABLE c (op STRING, k STRING, n INT) USING json
  OPTIONS (path '{TMP}/ch', `changes.column` 'op', maxFilesPerTrigger '1');
CREATE STREAMING TABLE sums {db.using("table 'sums', key 'k', outputMode 'changelog'")}
  AS SELECT k, sum(n) AS total FROM STREAM c GROUP BY k""")
    check(db.name + ' changes', db.rows('SELECT k, total FROM sums ORDER BY k'), ['a|4'])
    bad = run(db.name + '-nokey', f"""
CREATE TABLE c (k STRING, n INT) USING json OPTIONS (path '{TMP}/ch');
CREATE STREAMING TABLE s {db.using("table 'nokey', outputMode 'update'")}
  AS SELECT k, sum(n) AS total FROM STREAM c GROUP BY k""", status=1)
    check(db.name + ' no key', 'option key' in bad.stderr, True)


def test_kills(db):
    """Killed anywhere, each row is there once."""
    ids = []
    for f in range(4):
        rows = range(f * 700, f * 700 + 700)
        ids += rows
        write(f'k/{f}.json', ''.join('{"id":%d}\n' % i for i in rows))
    kills = 0
    for point in ('journal-plan', 'journal-commit', 'sink-commit', 'source-read'):
        for k in (1, 2, 4):
            name = f'{db.name}-{point}-{k}'
            text = f"""CREATE TABLE k (id INT) USING json
  OPTIONS (path '{TMP}/k', maxFilesPerTrigger '1');
CREATE STREAMING TABLE s {db.using(f"table 'k_{point}_{k}'")} AS SELECT id FROM STREAM k"""
            kills += run(name, text, {'HR_CRASH_AT': f'{point}:{k}'}, status=None).returncode < 0
            run(name, text)
            check(name, db.rows(f'SELECT count(*), count(DISTINCT id) FROM "k_{point}_{k}"'),
                  [f'{len(ids)}|{len(ids)}'])
    check(db.name + ' kills', kills >= 8, True)


def test_second_writer(db):
    """A copy of the checkpoint, run elsewhere, takes over: the first is fenced at its next."""
    write('w/0.json', '{"id":0}\n')
    text = f"""CREATE TABLE w (id INT) USING json OPTIONS (path '{TMP}/w');
CREATE STREAMING TABLE s {db.using("table 'w'")} AS SELECT id FROM STREAM w"""
    path = write(f'{db.name}-w.sql', text)
    first = subprocess.Popen([HEADRACE, 'run', path, '--checkpoint', f'{TMP}/{db.name}-w1', '--ui',
                              'off', '--progress', 'off'], stderr=subprocess.PIPE, text=True)
    for _ in range(200):
        try:
            if db.rows('SELECT count(*) FROM w') == ['1']:
                break
        except (RuntimeError, sqlite3.Error):
            pass
        time.sleep(0.05)
    time.sleep(0.3)
    shutil.copytree(f'{TMP}/{db.name}-w1', f'{TMP}/{db.name}-w2')
    headrace('run', path, '--checkpoint', f'{TMP}/{db.name}-w2', '--ui', 'off', '--progress', 'off',
             '--available-now')
    write('w/1.json', '{"id":1}\n')
    try:
        said = first.communicate(timeout=30)[1]
    except subprocess.TimeoutExpired:
        first.kill()
        said = first.communicate()[1] + ' (it never ended)'
    check(db.name + ' fenced', 'HR_FENCED' in said and first.returncode == 1, True)
    check(db.name + ' nothing twice', db.rows('SELECT count(*) FROM w'), ['1'])
    shutil.rmtree(f'{TMP}/w')


def test_older_copy(db):
    """A checkpoint that is older than the database is refused."""
    write('o/0.json', '{"id":0}\n')
    text = f"""CREATE TABLE o (id INT) USING json OPTIONS (path '{TMP}/o');
CREATE STREAMING TABLE s {db.using("table 'o'")} AS SELECT id FROM STREAM o"""
    run(db.name + '-o', text)
    shutil.copytree(f'{TMP}/{db.name}-o.cp', f'{TMP}/{db.name}-old')
    for i in (1, 2):
        write(f'o/{i}.json', '{"id":%d}\n' % i)
        run(db.name + '-o', text)
    shutil.rmtree(f'{TMP}/{db.name}-o.cp')
    shutil.copytree(f'{TMP}/{db.name}-old', f'{TMP}/{db.name}-o.cp')
    got = run(db.name + '-o', text, status=1)
    check(db.name + ' older', 'an older copy' in got.stderr, True)
    shutil.rmtree(f'{TMP}/o')


def test_server_away(server):
    """The server is killed and comes back while the query runs: nothing is lost or twice."""
    db = Postgres(server)
    using = db.using("table 'away'")
    path = write('away.sql', f"""CREATE TABLE g USING rate OPTIONS (rowsPerSecond '200');
CREATE STREAMING TABLE s {using} AS SELECT value FROM STREAM g""")
    args = [HEADRACE, 'run', path, '--checkpoint', f'{TMP}/away.cp', '--ui', 'off', '--progress',
            'off']
    process = subprocess.Popen(args, stderr=subprocess.PIPE, text=True)
    time.sleep(1.5)
    server.stop()
    server.start()
    time.sleep(2)
    process.terminate()
    said = process.communicate(timeout=30)[1]
    if process.returncode:  # it gave up: the next run goes on
        process = subprocess.Popen(args, stderr=subprocess.PIPE, text=True)
        time.sleep(1)
        process.terminate()
        said = process.communicate(timeout=30)[1]
    check('server away ' + said, process.returncode, 0)
    rows = db.rows('SELECT count(*) - 1, count(DISTINCT value) - 1, max(value) FROM away')[0]
    check('rows of it', len(set(rows.split('|'))) == 1 and int(rows.split('|')[0]) > 100, True)


def test_secrets():
    secured = postgres_server.start(password='canary-xyzzy')
    try:
        port = secured.port
        good = sql(f"""CREATE TABLE t (a INT) USING postgres OPTIONS
(url 'postgresql://postgres:canary-xyzzy@127.0.0.1:{port}/postgres', table 't');
INSERT INTO t VALUES (1); SELECT * FROM t""")
        check('by password', good.stdout.splitlines()[1:], ['1'])
        for options in (f"url 'postgresql://postgres:canary-wrong@127.0.0.1:{port}/postgres'",
                        "url 'postgresql://postgres:canary-bad%zz@127.0.0.1/postgres'",
                        f"url 'host=127.0.0.1 port={port} user=postgres', password 'canary-no'"):
            bad = sql(f"CREATE TABLE t (a INT) USING postgres OPTIONS ({options}, table 't'); "
                      "SELECT * FROM t", status=1)
            check('no secret in ' + options, 'canary' in bad.stderr + bad.stdout, False)
    finally:
        secured.close()


def main():
    databases = [Sqlite()]
    server = postgres_server.start()
    try:
        databases.append(Postgres(server))
        for db in databases:
            for test in (test_types, test_query_and_join, test_refused, test_changes, test_kills,
                         test_second_writer, test_older_copy):
                before = len(failures)
                try:
                    test(db)
                except Exception as e:  # pylint: disable=broad-except
                    failures.append(f'{db.name} {test.__name__}: {e!r}')
                print(db.name, test.__name__, 'ok' if len(failures) == before else 'FAILED',
                      flush=True)
        test_server_away(server)
    finally:
        server.close()
    test_secrets()
    print('\n'.join(failures))
    return bool(failures)


if __name__ == '__main__':
    sys.exit(main())
