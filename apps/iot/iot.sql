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

-- What is watched: these tables are in memory, made anew from their state after a restart.
CREATE STREAMING TABLE machines USING memory OPTIONS (outputMode 'complete', trigger '1 second') AS
  SELECT machine, count(*) AS readings, round(avg(vibration), 2) AS vibration,
         round(avg(temperature), 1) AS temperature, max(ts) AS last
  FROM STREAM readings GROUP BY machine;
CREATE STREAMING TABLE per_hour USING memory OPTIONS (outputMode 'complete', trigger '1 second') AS
  SELECT window.start AS hour, count(*) AS readings, round(avg(temperature), 1) AS temperature,
         round(sum(current)) AS current
  FROM STREAM readings GROUP BY window(ts, '6 hours');
CREATE STREAMING TABLE sick USING memory OPTIONS (outputMode 'complete', trigger '1 second') AS
  SELECT machine, status, max(vibration) AS vibration, max(temperature) AS temperature,
         min(ts) AS first, max(ts) AS last
  FROM STREAM alarms GROUP BY machine, status;
CREATE STREAMING TABLE sensors USING memory OPTIONS (outputMode 'complete', trigger '1 second') AS
  SELECT what, count(*) AS n FROM (
    SELECT 'stuck' AS what FROM STREAM stuck UNION ALL SELECT 'silent' AS what FROM STREAM silent)
  GROUP BY what;

CREATE ALERT fails_soon COMMENT 'machine {machine} fails soon: vibration {vibration}'
  SEVERITY critical KEY (machine) WHEN status = 'fails soon' COOLDOWN INTERVAL 1 MINUTE DO LOG
  AS SELECT machine, status, vibration, temperature FROM STREAM health;
CREATE ALERT sensor_stuck COMMENT 'a sensor of machine {machine} is stuck' KEY (machine)
  COOLDOWN INTERVAL 1 MINUTE DO LOG AS SELECT machine, since FROM STREAM stuck;

CREATE DASHBOARD iot COMMENT 'Machines' AS TILES (
  readings USING number OPTIONS (width '3') AS (SELECT sum(readings) AS readings FROM machines),
  failing USING number COMMENT 'Machines that were about to fail' THRESHOLD (warning => 1)
    OPTIONS (width '3') AS (SELECT count(DISTINCT machine) AS machines FROM sick
                            WHERE status = 'fails soon'),
  sensors USING bar COMMENT 'Sensors that were stuck or silent' OPTIONS (width '6')
    AS (SELECT what, n FROM sensors ORDER BY what),
  temperature USING line COMMENT 'Mean temperature' ENCODE (x => hour, y => temperature)
    OPTIONS (width '6') AS (SELECT hour, temperature FROM per_hour ORDER BY hour),
  energy USING area COMMENT 'Current of all machines' ENCODE (x => hour, y => current)
    OPTIONS (width '6') AS (SELECT hour, current FROM per_hour ORDER BY hour),
  sick USING table COMMENT 'Maintenance' OPTIONS (width '6', limit '12')
    AS (SELECT machine, status, vibration, temperature, first, last FROM sick ORDER BY last DESC),
  hot USING bar COMMENT 'Vibration by machine' OPTIONS (width '6')
    AS (SELECT machine, vibration FROM machines ORDER BY machine));
