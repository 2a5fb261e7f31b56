#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Progress as JSON: every figure is measured, in microseconds beside Spark's milliseconds; a query
over a bounded source ends by itself."""
import json
import os
import subprocess
import sys

PROGRAM, TMP = os.environ['HEADRACE'], os.environ['HR_TMP']
JOB = """
CREATE TABLE payments USING generator OPTIONS (numRows '50000', maxRowsPerTrigger '20000');
CREATE STREAMING TABLE sums USING noop OPTIONS (outputMode 'update')
AS SELECT country AS k, count(*) AS n FROM STREAM payments GROUP BY country;
"""
PHASES = {'addBatch', 'commitOffsets', 'getBatch', 'latestOffset', 'triggerExecution', 'walCommit'}
OPERATOR = {'operatorName', 'numRowsTotal', 'numRowsUpdated', 'numRowsRemoved', 'commitTimeMs',
            'commitTimeUs', 'memoryUsedBytes', 'numRowsDroppedByWatermark',
            'numShufflePartitions', 'numStateStoreInstances'}


def main():
    job = os.path.join(TMP, 'job.sql')
    with open(job, 'w', encoding='utf-8') as f:
        f.write(JOB)
    done = subprocess.run([PROGRAM, 'run', job, '--progress', 'json', '--checkpoint',
                           os.path.join(TMP, 'checkpoint')], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    assert done.returncode == 0, done.stderr
    epochs = [json.loads(line) for line in (done.stdout + done.stderr).splitlines()
              if line.startswith('{') and '"batchId"' in line]
    assert [e['numInputRows'] for e in epochs] == [20000, 20000, 10000], epochs
    for e in epochs:
        us, ms = e['durationUs'], e['durationMs']
        assert set(us) == set(ms) == PHASES, e
        assert all(ms[p] == us[p] // 1000 for p in PHASES), e
        assert us['triggerExecution'] > 0 and us['addBatch'] > 0, e
        assert us['triggerExecution'] >= us['addBatch'], e
        rate = e['numInputRows'] / (us['triggerExecution'] / 1e6)
        assert abs(e['processedRowsPerSecond'] - rate) <= rate * 1e-3, (e, rate)
        assert [set(o) for o in e['stateOperators']] == [OPERATOR], e
        assert 0 < e['stateOperators'][0]['numRowsUpdated'] <= 250, e
        assert e['stateOperators'][0]['commitTimeUs'] >= 0, e  # may be below a microsecond
        assert [s['numInputRows'] for s in e['sources']] == [e['numInputRows']], e
        assert 'latestOffset' not in e['sources'][0], e
    assert sum(e['stateOperators'][0]['commitTimeUs'] for e in epochs) > 0, epochs
    return 0


if __name__ == '__main__':
    sys.exit(main())
