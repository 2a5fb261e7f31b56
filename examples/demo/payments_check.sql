-- SPDX-License-Identifier: Apache-2.0
-- What the rules found, against the generator's truth. `headrace demo` runs this at its end, with
-- ${rows} replaced by the number of payments that every rule has seen.

CREATE TABLE truth USING generator
  OPTIONS (name 'payments', eventsPerSecond '2000', numRows '${rows}');

CREATE TEMPORARY VIEW planted AS
  SELECT card, count(*) AS payments FROM truth WHERE fraud GROUP BY card;

CREATE TEMPORARY VIEW alarmed AS
  SELECT card, count(DISTINCT rule) AS rules FROM (
    SELECT rule, card FROM many_payments
    UNION ALL SELECT rule, card FROM odd_amounts
    UNION ALL SELECT rule, card FROM two_countries) GROUP BY card;

SELECT count(*) AS planted, count(a.card) AS found, count(*) - count(a.card) AS missed
FROM planted AS p LEFT JOIN alarmed AS a ON p.card = a.card WHERE p.payments >= 6;

SELECT count(*) AS cards_alarmed, count(*) - count(p.card) AS false_alarms
FROM alarmed AS a LEFT JOIN planted AS p ON p.card = a.card;
