
CREATE TABLE live USING kafka OPTIONS (subscribe 'live', startingOffsets 'earliest',
  'kafka.bootstrap.servers' '127.0.0.1:37807', format 'text');
CREATE STREAMING TABLE copied USING json OPTIONS (path 'copied') AS SELECT value FROM STREAM live;
