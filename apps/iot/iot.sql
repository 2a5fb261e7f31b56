-- SPDX-License-Identifier: Apache-2.0
-- Machines that wear out: who fails soon, and whose sensors lie or fall silent.
-- `headrace demo iot` runs this file: a day of readings every three seconds.

CREATE TABLE readings USING generator OPTIONS (name 'iot', rowsPerSecond '2000');

-- What vibration and temperature are at a load, learned from all machines.
CREATE MODEL vibration_at (log_load DOUBLE) USING linear_regression OPTIONS (optimizer 'newton');
CREATE MODEL temperature_at (load DOUBLE) USING linear_regression OPTIONS (optimizer 'newton');
CREATE FLOW learn_vibration AS TRAIN MODEL vibration_at ON
  SELECT ln(load) AS log_load, ln(vibration) AS y FROM STREAM readings;
CREATE FLOW learn_temperature AS TRAIN MODEL temperature_at ON
  SELECT load, temperature AS y FROM STREAM readings;

-- What the load does not explain, of the last hours against the last days of the same machine. Both
-- sensors up: it wears out. Vibration alone: its sensor drifts.
CREATE STREAMING TABLE health USING json
  OPTIONS (path 'out/iot/health', outputMode 'update', allowUpdates 'true') AS
  SELECT machine, ts, round(vibration, 3) AS vibration, round(temperature, 2) AS temperature,
         CASE WHEN vibration > 0.2 AND temperature > 3 THEN 'fails soon'
              WHEN vibration > 0.12 AND temperature < 1.2 THEN 'drifting sensor'
              ELSE 'fine' END AS status
  FROM (
    SELECT machine, max(ts) AS ts,
           ewm_avg(v, ts, '2 hours') - ewm_avg(v, ts, '48 hours') AS vibration,
           ewm_avg(t, ts, '2 hours') - ewm_avg(t, ts, '48 hours') AS temperature
    FROM (SELECT machine, ts, ln(vibration) - predict(vibration_at, ln(load)) AS v,
                 temperature - predict(temperature_at, load) AS t
          FROM STREAM readings)
    GROUP BY machine);

CREATE STREAMING TABLE alarms USING json OPTIONS (path 'out/iot/alarms') AS
  SELECT * FROM STREAM health WHERE status <> 'fine';

-- A sensor that says the same for an hour is stuck.
CREATE STREAMING TABLE stuck USING json OPTIONS (path 'out/iot/stuck') AS
  SELECT machine, window.start AS since
  FROM STREAM readings WATERMARK ts DELAY OF INTERVAL 1 MINUTE
  GROUP BY window(ts, '1 hour'), machine
  HAVING count(*) > 2 AND max(temperature) = min(temperature);

-- A machine without a reading for 35 minutes is silent.
CREATE STREAMING TABLE silent USING json OPTIONS (path 'out/iot/silent') AS
  SELECT machine, session_window.end AS noticed
  FROM STREAM readings WATERMARK ts DELAY OF INTERVAL 1 MINUTE
  GROUP BY machine, session_window(ts, '35 minutes');
