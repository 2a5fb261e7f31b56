#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The web hook sink against a real HTTP server: keys that stay the same over kills, tries again,
refused rows as dead letters, several rows a request, the rate, addresses that are refused.
"""
import base64
import http.server
import json
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ['HR_ROOT'], 'test'))
from sink_files import committed  # noqa: E402

HEADRACE, TMP = os.environ['HEADRACE'], os.environ['HR_TMP']
failures = []


def check(what, got, expected):
    if got != expected:
        failures.append('%s\n  got      %.900r\n  expected %.900r' % (what, got, expected))


class Hook(http.server.BaseHTTPRequestHandler):
    """Keeps keys, as a good receiver does; refuses what is odd, and some first tries."""
    protocol_version = 'HTTP/1.1'
    lock = threading.Lock()
    bodies, tries, headers_seen, times = {}, {}, [], []

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length'])).decode()
        key, status = self.headers['Idempotency-Key'], 204
        with Hook.lock:
            n = Hook.tries[key] = Hook.tries.get(key, 0) + 1
            Hook.times.append(time.monotonic())
            Hook.headers_seen.append((self.headers['Content-Type'], self.headers['Authorization']))
            if self.path == '/odd' and json.loads(body)['id'] % 10 == 3:
                status = 422
            elif n == 1 and hash(key) % 3 == 0:
                status = 503
            elif Hook.bodies.setdefault(key, body) != body:
                failures.append('two bodies under ' + key)
        self.send_response(status)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *_):
        pass


def run(name, options, env=None, status=0):
    path = os.path.join(TMP, name + '.sql')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f"""CREATE TABLE t (id INT) USING json
  OPTIONS (path '{TMP}/in', maxFilesPerTrigger '1');
CREATE STREAMING TABLE h USING http OPTIONS (retryFirst '10 milliseconds', {options})
  AS SELECT id FROM STREAM t;""")
    done = subprocess.run([HEADRACE, 'run', path, '--checkpoint', f'{TMP}/{name}.cp', '--ui', 'off',
                           '--progress', 'off', '--available-now'], text=True, timeout=60,
                          env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if status is not None and done.returncode != status:
        failures.append(f'{name}: status {done.returncode}: {done.stderr[-500:]}')
    return done


def clear():
    with Hook.lock:
        Hook.bodies.clear(), Hook.tries.clear(), Hook.headers_seen.clear(), Hook.times.clear()


def ids():
    return sorted(json.loads(line)['id'] for body in Hook.bodies.values()
                  for line in body.splitlines())


def main():
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f'http://127.0.0.1:{server.server_port}'
    os.makedirs(os.path.join(TMP, 'in'))
    for f in range(3):
        with open(f'{TMP}/in/{f}.json', 'w', encoding='utf-8') as file:
            file.writelines('{"id":%d}\n' % i for i in [*range(f * 20, f * 20 + 20), f * 20])
    rows = sorted([*range(60), 0, 20, 40])

    run('plain', f"url '{base}/a', tokenEnv 'HOOK_TOKEN'", {'HOOK_TOKEN': 'canary'})
    check('every row', ids(), rows)
    check('headers', set(Hook.headers_seen), {('application/json', 'Bearer canary')})
    check('tried again', max(Hook.tries.values()), 2)
    for point in ('journal-plan', 'journal-commit:1', 'journal-commit:2', 'source-read:3'):
        clear()
        name = point.replace(':', '-')
        run(name, f"url '{base}/a'", {'HR_CRASH_AT': point if ':' in point else point + ':2'},
            status=None)
        run(name, f"url '{base}/a'")
        check('rows by key after ' + point, ids(), rows)
    clear()
    run('lines', f"url '{base}/a', rowsPerRequest '8'")
    check('rows of lines', ids(), rows)
    check('requests of lines', (len(Hook.bodies), Hook.headers_seen[0][0]),
          (9, 'application/x-ndjson'))
    clear()
    stops = run('stops', f"url '{base}/odd'", status=1)
    check('refused for good', 'HR_SINK_ROW' in stops.stderr and '422' in stops.stderr, True)
    clear()
    run('odd', f"url '{base}/odd', deadLetters '{TMP}/dead'")
    check('others', ids(), [i for i in rows if i % 10 != 3])
    letters = sorted(json.loads(base64.b64decode(r['raw']))['id'] for r in committed(TMP + '/dead'))
    check('letters', letters, [i for i in rows if i % 10 == 3])
    clear()
    run('rate', f"url '{base}/a', maxRequestsPerSecond '100'")
    check('the rate', Hook.times[-1] - Hook.times[0] >= 0.6, True)
    away = run('away', "url 'http://127.0.0.1:1/canary', giveUpAfter '50 milliseconds'", status=1)
    check('nobody there', 'HR_UNAVAILABLE' in away.stderr and 'canary' not in away.stderr, True)
    for i, url in enumerate(('ftp://x/', 'http://u:canary@x/', 'http:///')):
        bad = run(f'bad{i}', f"url '{url}'", status=1)
        check(url, 'HR_INVALID_OPTION' in bad.stderr and 'canary' not in bad.stderr, True)
    server.shutdown()
    print('\n'.join(failures))
    return bool(failures)


if __name__ == '__main__':
    sys.exit(main())
