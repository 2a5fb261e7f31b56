
CREATE TABLE t USING kafka OPTIONS ('kafka.bootstrap.servers' '127.0.0.1:37807', subscribe 'start_at_minus_one_kill', startingOffsets '{"start_at_minus_one_kill":{"0":-1}}');
CREATE STREAMING TABLE start_at_minus_one_kill USING json OPTIONS (path 'start_at_minus_one_kill') AS
  SELECT CAST(value AS STRING) AS v, offset FROM STREAM t;
