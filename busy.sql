-- busy.sql
CREATE TABLE payments (card STRING, amount DECIMAL(12,2), country STRING, ts TIMESTAMP)
  USING kafka OPTIONS (subscribe 'payments', 'kafka.bootstrap.servers' '127.0.0.1:37807',
                       startingOffsets 'earliest', format 'json');
CREATE STREAMING TABLE busy USING kafka
  OPTIONS (topic 'busy', 'kafka.bootstrap.servers' '127.0.0.1:37807', outputMode 'update') AS
  SELECT card AS key, to_json(named_struct('card', card, 'n', count(*))) AS value
  FROM STREAM payments GROUP BY card HAVING count(*) > 2;
