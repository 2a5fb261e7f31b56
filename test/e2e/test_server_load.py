#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Everything at once: pages, statements, events, and jobs that come and go. The server ends well;
under the thread sanitizer that says that nothing is touched without its lock."""
import os
import sys
import threading
import time

from test_serve import JOB, Keeper
from test_server import Events, expect, failures

SECONDS = 6
COMING = """CREATE TABLE p USING generator OPTIONS (rowsPerSecond '1000');
CREATE OR REPLACE TABLE q (a INT);
CREATE STREAMING TABLE taken USING noop AS SELECT card FROM STREAM p;
INSERT INTO q VALUES (1)"""
PAGES = ('/api/v1/queries', '/metrics', '/api/v1/queries/sums', '/api/v1/queries/counts/samples',
         '/api/v1/queries/sums/epochs', '/api/v1/queries/sums/progress', '/api/v1/tables',
         '/api/v1/settings', '/api/v1/logs', '/api/v1/jobs', '/api/v1/environment',
         '/api/v1/queries/sums/checkpoint', '/')


def main():
    server = Keeper()
    server.send('jobs', {'name': 'stays', 'sql': JOB % os.path.join(os.environ['HR_TMP'], 'out'),
                         'start': True})
    server.state('stays', 'running', 'failed')
    run_id = server.json('/api/v1/queries/counts')['runId']
    end = time.monotonic() + SECONDS

    def look():
        while time.monotonic() < end:
            for page in PAGES:
                status = server.ask(page)[0]
                expect(page, status == 200, status)

    def ask():
        while time.monotonic() < end:
            status, page = server.sql('SELECT country, n FROM counts ORDER BY n', job='stays')
            expect('a statement', status == 200, page)

    def listen():
        events = Events(server, 'queries,samples,logs,jobs,query:' + run_id)
        while time.monotonic() < end:
            events.next()

    def come_and_go():
        while time.monotonic() < end:
            server.send('jobs', {'name': 'comes', 'sql': COMING, 'start': True})
            expect('comes', server.state('comes', 'running', 'failed') == 'running')
            server.sql('SELECT * FROM q', job='comes')
            server.send('jobs/comes/pause')
            server.state('comes', 'paused')
            server.send('jobs/comes/resume')
            server.state('comes', 'running', 'failed')
            server.ask('/api/v1/jobs/comes', method='DELETE')
            server.wait('/api/v1/jobs', lambda a: len(a['items']) == 1)

    threads = [threading.Thread(target=f) for f in (look, look, ask, listen, listen, come_and_go)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.process.terminate()
    _, err = server.process.communicate(timeout=120)
    expect('a good end', server.process.returncode == 0 and 'Sanitizer' not in err, err[-3000:])
    for failure in failures[:10]:
        print(failure)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
