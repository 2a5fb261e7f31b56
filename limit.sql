
CREATE TABLE p (id BIGINT, amount DECIMAL(12,2)) USING kafka OPTIONS (subscribe 'payments',
  'kafka.bootstrap.servers' '127.0.0.1:37807', startingOffsets 'earliest', format 'json',
  maxOffsetsPerTrigger '3000');
CREATE STREAMING TABLE limited USING json OPTIONS (path 'limited') AS SELECT id FROM STREAM p;
