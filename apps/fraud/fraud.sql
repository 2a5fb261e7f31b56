-- SPDX-License-Identifier: Apache-2.0
-- Fraud among payments: what each customer does against what that customer did in the last ten
-- days, rules, and beside them a model that learns from what analysts say half an hour later.
-- `headrace demo fraud` runs this file: eight hours of payments a second.

CREATE TABLE payments USING generator OPTIONS (name 'fraud', rowsPerSecond '1000');
CREATE TABLE labels USING generator OPTIONS (name 'fraud_labels', rowsPerSecond '1000');

CREATE MODEL fraud_model (
    z DOUBLE, recent DOUBLE, recent_z DOUBLE, new_device DOUBLE, new_merchant DOUBLE,
    far DOUBLE, speed DOUBLE, dear DOUBLE, recent_dear DOUBLE, transfer DOUBLE, gift DOUBLE,
    same_category DOUBLE, same_device DOUBLE, known DOUBLE, new_device_dear DOUBLE,
    new_device_transfer DOUBLE, gifts_in_row DOUBLE, dear_in_row DOUBLE,
    new_merchant_recent DOUBLE, high DOUBLE, high_dear DOUBLE, hot_dear DOUBLE,
    hot_high DOUBLE, recent_high DOUBLE, far_recent DOUBLE, transfers_in_row DOUBLE,
    new_device_high DOUBLE, third_gift DOUBLE, dear_again_new DOUBLE,
    dear_in_row_high DOUBLE, dear_in_row_hot DOUBLE, new_merchant_dear DOUBLE,
    impossible DOUBLE)
  USING logistic_regression OPTIONS (optimizer 'newton');

-- One row for each payment, as soon as it is there. Older than two hours: what is usual; younger:
-- what is going on.
CREATE STREAMING TABLE features USING json
  OPTIONS (path 'out/fraud/features', outputMode 'update', allowUpdates 'true') AS
  SELECT id, customer, ts, amount, category,
         z, recent, recent_z, new_device, new_merchant, far, speed, dear, recent_dear, transfer, gift,
         same_category, same_device, known,
         new_device * dear AS new_device_dear, new_device * transfer AS new_device_transfer,
         gift * same_category AS gifts_in_row, dear * recent_dear AS dear_in_row,
         new_merchant * recent AS new_merchant_recent, greatest(z, 0D) AS high,
         greatest(z, 0D) * dear AS high_dear, greatest(recent_z, 0D) * dear AS hot_dear,
         greatest(recent_z, 0D) * greatest(z, 0D) AS hot_high, recent * z AS recent_high,
         CASE WHEN recent > 0 THEN far * dear ELSE 0D END AS far_recent,
         transfer * same_category AS transfers_in_row,
         new_device * greatest(z, 0D) AS new_device_high,
         CASE WHEN same_category >= 2 THEN gift ELSE 0D END AS third_gift,
         CASE WHEN recent_dear >= 2 THEN dear * new_merchant ELSE 0D END AS dear_again_new,
         dear * recent_dear * greatest(z, 0D) AS dear_in_row_high,
         dear * recent_dear * greatest(recent_z, 0D) * new_merchant AS dear_in_row_hot,
         new_merchant * dear AS new_merchant_dear,
         CASE WHEN speed > 1 THEN 1D ELSE 0D END AS impossible
    FROM (
      SELECT id, customer, ts, amount, category, device, country,
             ln(amount) - usual AS z, least(recent, 6D) AS recent,
             CASE WHEN recent > 0 THEN recent_sum - recent * usual ELSE 0D END AS recent_z,
             CASE WHEN device <> 'card' AND seen_device = 0 THEN 1D ELSE 0D END AS new_device,
             CASE WHEN seen_merchant = 0 THEN 1D ELSE 0D END AS new_merchant,
             CASE WHEN device = 'card' AND seen_country = 0 THEN 3D WHEN device = 'card' AND seen_country = 1 THEN 1D
                  ELSE 0D END AS far,
             CASE WHEN device = 'card' AND country <> last.country
                  THEN least(5D, 0.08D * (abs(lat - last.lat) + abs(lon - last.lon)) /
                                    ((unix_micros(ts) - last.at) / 3.6e9D + 0.2D)) ELSE 0D END AS speed,
             CASE WHEN category IN ('fashion', 'electronics', 'jewels', 'travel') THEN 1D ELSE 0D END AS dear,
             CASE WHEN category = 'transfer' THEN 1D ELSE 0D END AS transfer,
             CASE WHEN category = 'gift cards' THEN 1D ELSE 0D END AS gift,
             least(recent_dear, 5D) AS recent_dear, least(same_category, 5D) AS same_category, least(same_device, 5D) AS same_device,
             ln(1 + known) AS known
      FROM (
        SELECT id, customer, ts, amount, category, device, country, lat, lon,
               (sum(CASE WHEN old THEN ln(h_amount) ELSE 0D END) + 2 * 3.1D) /
                 (count_if(old) + 2) AS usual,
               CAST(count_if(NOT old AND h_id <> id) AS DOUBLE) AS recent,
               sum(CASE WHEN NOT old AND h_id <> id THEN ln(h_amount) ELSE 0D END) AS recent_sum,
               count_if(old AND h_device = device) AS seen_device,
               count_if(old AND h_merchant = merchant) AS seen_merchant,
               count_if(old AND h_device = 'card' AND h_country = country) AS seen_country,
               CAST(count_if(NOT old AND h_id <> id AND h_category IN
                 ('fashion', 'electronics', 'jewels', 'travel')) AS DOUBLE) AS recent_dear,
               CAST(count_if(NOT old AND h_id <> id AND h_category = category) AS DOUBLE)
                 AS same_category,
               CAST(count_if(NOT old AND h_id <> id AND h_device = device AND device <> 'card') AS DOUBLE) AS same_device,
               CAST(count_if(old) AS DOUBLE) AS known,
               max_by(named_struct('at', h_at, 'lat', h_lat, 'lon', h_lon, 'country', h_country),
                      CASE WHEN h_id <> id AND h_device = 'card' THEN h_at END) AS last
        FROM (
          SELECT p.id, p.customer, p.ts AS ts, p.amount, p.category, p.merchant, p.device, p.country,
                 p.lat, p.lon, h.id AS h_id, h.amount AS h_amount, h.merchant AS h_merchant,
                 h.category AS h_category, h.device AS h_device, h.country AS h_country,
                 h.lat AS h_lat, h.lon AS h_lon, unix_micros(h.ts) AS h_at,
                 h.ts < p.ts - INTERVAL 2 HOURS AS old
          FROM (SELECT * FROM STREAM payments WATERMARK ts DELAY OF INTERVAL 1 MINUTE) p
          JOIN (SELECT * FROM STREAM payments WATERMARK ts DELAY OF INTERVAL 1 MINUTE) h
          ON p.customer = h.customer AND h.ts BETWEEN p.ts - INTERVAL 10 DAYS AND p.ts)
        GROUP BY ts, id, customer, amount, category, merchant, device, country, lat, lon));

-- The payments, with what the analysts say of them: the model learns it.
CREATE FLOW learn AS TRAIN MODEL fraud_model ON
  SELECT s.*, l.is_fraud
  FROM (SELECT id, ts,
         z, recent, recent_z, new_device, new_merchant, far, speed, dear, recent_dear, transfer, gift,
         same_category, same_device, known, new_device_dear, new_device_transfer,
         gifts_in_row, dear_in_row, new_merchant_recent, high, high_dear, hot_dear, hot_high,
         recent_high, far_recent, transfers_in_row, new_device_high, third_gift,
         dear_again_new, dear_in_row_high, dear_in_row_hot, new_merchant_dear, impossible
        FROM STREAM features WATERMARK ts DELAY OF INTERVAL 1 MINUTE) s
  JOIN (SELECT id, paid, is_fraud FROM STREAM labels WATERMARK paid DELAY OF INTERVAL 1 MINUTE) l
  ON s.id = l.id AND l.paid = s.ts;

-- What the model and the rules say of each payment.
CREATE STREAMING TABLE scored USING json OPTIONS (path 'out/fraud/scored') AS
  SELECT id, customer, ts, amount, category,
         coalesce(predict(fraud_model,
             z, recent, recent_z, new_device, new_merchant, far, speed, dear, recent_dear, transfer, gift,
             same_category, same_device, known, new_device_dear, new_device_transfer,
             gifts_in_row, dear_in_row, new_merchant_recent, high, high_dear, hot_dear, hot_high,
             recent_high, far_recent, transfers_in_row, new_device_high, third_gift,
             dear_again_new, dear_in_row_high, dear_in_row_hot, new_merchant_dear, impossible), 0D) AS score,
         model_version(fraud_model) AS version,
         CASE WHEN speed > 1 AND far > 2 THEN 'impossible travel'
              WHEN new_device * transfer > 0 AND same_category >= 1 AND z > 0.5
                THEN 'account taken over'
              WHEN new_device * dear > 0 AND same_device >= 2 AND z > 1.5 THEN 'tested card'
         END AS rule
  FROM STREAM features;

-- What is done: the account is blocked, or the customer is asked.
CREATE STREAMING TABLE decisions USING json OPTIONS (path 'out/fraud/decisions') AS
  SELECT id, customer, ts, amount, category, round(score, 3) AS score, rule,
         CASE WHEN score >= 0.95 OR rule IS NOT NULL THEN 'block' ELSE 'verify' END AS action
  FROM STREAM scored WHERE score >= 0.82 OR rule IS NOT NULL;

-- What is watched: these tables are in memory, made anew from their state after a restart.
CREATE STREAMING TABLE traffic USING memory OPTIONS (outputMode 'complete', trigger '1 second') AS
  SELECT window.start AS begin, count(*) AS payments, CAST(sum(amount) AS BIGINT) AS amount
  FROM STREAM payments GROUP BY window(ts, '6 hours');
CREATE STREAMING TABLE decided USING memory OPTIONS (outputMode 'complete', trigger '1 second') AS
  SELECT window.start AS begin, action, count(*) AS n
  FROM STREAM decisions GROUP BY window(ts, '1 day'), action;
CREATE STREAMING TABLE suspects USING memory OPTIONS (outputMode 'complete', trigger '1 second') AS
  SELECT customer, count(*) AS payments, CAST(sum(amount) AS BIGINT) AS amount, max(score) AS score,
         max(ts) AS last
  FROM STREAM decisions GROUP BY customer;
-- What the analysts say of what was decided.
CREATE STREAMING TABLE judged USING memory OPTIONS (outputMode 'complete', trigger '1 second') AS
  SELECT window.start AS day, CASE WHEN is_fraud THEN 'fraud' ELSE 'false alarm' END AS verdict,
         count(*) AS n
  FROM (SELECT id, ts FROM STREAM decisions WATERMARK ts DELAY OF INTERVAL 1 MINUTE) d
  JOIN (SELECT id, paid, is_fraud FROM STREAM labels WATERMARK paid DELAY OF INTERVAL 1 MINUTE) l
  ON d.id = l.id AND l.paid = d.ts
  GROUP BY window(d.ts, '1 day'), is_fraud;

CREATE ALERT account_blocked COMMENT 'the account of {customer} is blocked: {amount} for {category}'
  SEVERITY critical KEY (customer) COOLDOWN INTERVAL 1 MINUTE DO LOG
  AS SELECT customer, amount, category, score FROM STREAM decisions WHERE action = 'block';

CREATE DASHBOARD fraud COMMENT 'Fraud' AS TILES (
  payments USING number OPTIONS (width '3') AS (SELECT sum(payments) AS payments FROM traffic),
  blocked USING number OPTIONS (width '3')
    AS (SELECT sum(n) AS payments FROM decided WHERE action = 'block'),
  confirmed USING gauge COMMENT 'of judged decisions, fraud (%)'
    ENCODE (value => share, min => 0, max => 100)
    THRESHOLD (warning => 90, critical => 70, direction => 'below') OPTIONS (width '6')
    AS (SELECT round(100D * sum(CASE verdict WHEN 'fraud' THEN n ELSE 0 END) / sum(n)) AS share
        FROM judged),
  per_six_hours USING line COMMENT 'Payments in six hours' ENCODE (x => begin, y => payments)
    OPTIONS (width '6') AS (SELECT begin, payments FROM traffic ORDER BY begin),
  decisions USING stacked COMMENT 'Decisions a day' OPTIONS (width '6')
    AS (SELECT begin, action, n FROM decided ORDER BY begin),
  verdicts USING bar COMMENT 'What analysts said of them, by day' ENCODE (x => day, y => n, series => verdict)
    OPTIONS (width '6') AS (SELECT day, verdict, n FROM judged ORDER BY day),
  suspects USING table OPTIONS (width '6', limit '10')
    AS (SELECT customer, payments, amount, score, last FROM suspects ORDER BY last DESC));
