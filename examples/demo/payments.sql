-- SPDX-License-Identifier: Apache-2.0
-- Live card payments, three rules, alerts as they happen. `headrace demo` runs this file.
--
-- In every 1 000 payments the generator hides one fraud: six payments of one card within moments, of
-- large amounts, in six countries. The column `fraud` is the truth; no rule looks at it.

CREATE TABLE payments USING generator OPTIONS (name 'payments', rowsPerSecond '2000');

-- Rule 1: more than five payments of a card within a minute (sliding by ten seconds).
CREATE STREAMING TABLE many_payments USING json
  OPTIONS (path 'out/alerts/many_payments', outputMode 'update', allowUpdates 'true') AS
  SELECT 'many payments' AS rule, card, max(ts) AS at, count(*) AS payments, sum(amount) AS total
  FROM STREAM payments WATERMARK ts DELAY OF INTERVAL 2 SECONDS
  GROUP BY window(ts, '1 minute', '10 seconds'), card
  HAVING count(*) > 5;

-- Rule 2: amounts far from the card's own average.
CREATE STREAMING TABLE odd_amounts USING json
  OPTIONS (path 'out/alerts/odd_amounts', outputMode 'update', allowUpdates 'true') AS
  SELECT 'odd amounts' AS rule, card, max(ts) AS at, count(*) AS payments, sum(amount) AS total
  FROM STREAM payments WATERMARK ts DELAY OF INTERVAL 2 SECONDS
  GROUP BY window(ts, '5 minutes'), card
  HAVING count(*) >= 3 AND max(amount) - avg(amount) > 400;

-- Rule 3: two countries within two minutes, and real money.
CREATE STREAMING TABLE two_countries USING json
  OPTIONS (path 'out/alerts/two_countries', outputMode 'update', allowUpdates 'true') AS
  SELECT 'two countries' AS rule, card, max(ts) AS at, count(*) AS payments, sum(amount) AS total
  FROM STREAM payments WATERMARK ts DELAY OF INTERVAL 2 SECONDS
  GROUP BY window(ts, '2 minutes'), card
  HAVING min(country) <> max(country) AND sum(amount) > 1000;

-- The alert files are a stream again: what each rule says of a card, when it says it.
CREATE STREAMING TABLE alerts USING console
  OPTIONS (outputMode 'update', trigger '1 second', numRows '10') AS
  SELECT rule, card, max(payments) AS payments, max(total) AS total FROM (
    SELECT rule, card, payments, total FROM STREAM many_payments
    UNION ALL SELECT rule, card, payments, total FROM STREAM odd_amounts
    UNION ALL SELECT rule, card, payments, total FROM STREAM two_countries)
  GROUP BY rule, card;
