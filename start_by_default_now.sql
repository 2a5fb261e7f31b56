
CREATE TABLE t USING kafka OPTIONS ('kafka.bootstrap.servers' '127.0.0.1:37807', subscribe 'start_by_default_now');
CREATE STREAMING TABLE start_by_default_now USING json OPTIONS (path 'start_by_default_now') AS
  SELECT CAST(value AS STRING) AS v, offset FROM STREAM t;
