#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Planted secrets in options of every kind are nowhere that people or programs look: logs, errors,
EXPLAIN, SHOW CREATE TABLE, progress, checkpoints, the REST API.
"""
import http.client
import os
import re
import subprocess
import sys
import time

HEADRACE, TMP = os.environ['HEADRACE'], os.environ['HR_TMP']
CANARY = 'canary7531'
failures, looked = [], 0

OPTIONS = [
    f"`kafka.sasl.password` '{CANARY}'", f"'kafka.ssl.key.password' = '{CANARY}'",
    f"`kafka.sasl.jaas.config` 'x required username=\"u\" password=\"{CANARY}\";'",
    f"\"kafka.ssl.keystore.password\" '{CANARY}'",
    f"kafka.sasl.oauthbearer.client.secret '{CANARY}'",
]
KAFKA = ("`kafka.bootstrap.servers` '127.0.0.1:1', subscribe 't', "
         "kafkaConsumer.pollTimeoutMs '500', fetchOffset.numRetries '0'")


def look(where, text):
    global looked
    looked += 1
    if CANARY in text:
        at = text.index(CANARY)
        failures.append(f'{where}: ...{text[max(0, at - 120):at + 30]!r}')


def sql(where, text):
    done = subprocess.run([HEADRACE, 'sql', '--keep-going', '-e', text], cwd=TMP, text=True,
                          timeout=90, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    look(where, done.stdout + done.stderr)
    return done.stdout + done.stderr


def statements():
    for option in OPTIONS:
        table = f"CREATE TABLE k USING kafka OPTIONS ({KAFKA}, {option})"
        said = sql(option, f"{table}; SHOW CREATE TABLE k; DESCRIBE EXTENDED k; "
                   "EXPLAIN EXTENDED SELECT * FROM k; SELECT * FROM k")
        if 'k' not in said:
            failures.append('nothing was said')
        # errors of all kinds: in the option's list, behind it, of the statement
        sql('parse ' + option, f"CREATE TABLE k USING kafka OPTIONS ({option} oops")
        sql('parse ' + option, f"CREATE TABLE k USING kafka OPTIONS ({option}) WITH nonsense")
        sql('unknown ' + option, f"CREATE TABLE k USING kafka OPTIONS (nonesuch 'x', {option})")
        sql('insert ' + option, f"CREATE TABLE k (value STRING) USING kafka OPTIONS ("
            f"`kafka.bootstrap.servers` '127.0.0.1:1', topic 't', kafka.socket.timeout.ms '1000', "
            f"{option}); INSERT INTO k VALUES ('x')")
    for url in (f"postgresql://u:{CANARY}@127.0.0.1:1/db",
                f"host=127.0.0.1 port=1 password={CANARY}",
                f"postgresql://u:{CANARY}%zz@127.0.0.1/db"):
        sql(url, f"CREATE TABLE p (a INT) USING postgres OPTIONS (url '{url}', table 't'); "
            "SHOW CREATE TABLE p; EXPLAIN SELECT * FROM p; SELECT * FROM p; "
            "INSERT INTO p VALUES (1)")
    sql('set', f"SET spark.my.password={CANARY}; SET; SET spark.my.password")


def running():
    """A query with a secret in its statement, while it runs and when it fails."""
    path = os.path.join(TMP, 'job.sql')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f"""
CREATE TABLE r USING rate OPTIONS (rowsPerSecond '50');
CREATE STREAMING TABLE s USING http OPTIONS (urlEnv 'HOOK_URL', tokenEnv 'HOOK_TOKEN',
  giveUpAfter '1 hour') AS SELECT value, 'password={CANARY}' <> '' AS x FROM STREAM r;
CREATE STREAMING TABLE n USING json OPTIONS (path '{TMP}/out') AS SELECT value FROM STREAM r;
""")
    env = {**os.environ, 'HOOK_URL': f'http://127.0.0.1:1/{CANARY}', 'HOOK_TOKEN': CANARY}
    process = subprocess.Popen([HEADRACE, 'run', path, '--checkpoint', TMP + '/cp', '--ui',
                                '127.0.0.1:0', '--progress', 'json'], env=env, cwd=TMP, text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=open(TMP + '/stderr', 'w', encoding='utf-8'))
    port = None
    for _ in range(200):
        with open(TMP + '/stderr', encoding='utf-8') as file:
            found = re.search(r'127\.0\.0\.1:(\d+)', file.read())
        if found:
            port = int(found.group(1))
            break
        time.sleep(0.05)
    time.sleep(1.5)
    query = '/api/v1/queries/s'
    for page in ('/', '/metrics', '/api/v1/queries', query, query + '/plan', query + '/sinks',
                 query + '/errors', query + '/progress', query + '/checkpoint', '/api/v1/tables',
                 '/api/v1/logs', '/api/v1/jobs'):
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
        connection.request('GET', page)
        answer = connection.getresponse().read().decode(errors='replace')
        look(page, answer)
    process.terminate()
    look('progress', process.communicate(timeout=60)[0])
    with open(TMP + '/stderr', encoding='utf-8') as file:
        look('log', file.read())
    for folder, _, names in os.walk(TMP + '/cp'):
        for name in names:
            with open(os.path.join(folder, name), 'rb') as file:
                look('checkpoint ' + name, file.read().decode('latin-1'))


statements()
running()
print('\n'.join(failures) or f'looked in {looked} places')
sys.exit(bool(failures))
