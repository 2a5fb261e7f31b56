-- SPDX-License-Identifier: Apache-2.0
-- A shop: sessions, funnel, abandoned carts, the stock to the unit, and what a visitor may like.
-- `headrace demo shop` runs this file: an hour of the shop a second.

CREATE TABLE events USING generator OPTIONS (name 'shop', rowsPerSecond '1800');

-- Tastes, learned from what visitors look at and buy.
CREATE MODEL taste USING als OPTIONS (implicitPrefs 'true', rank '12', alpha '4', seed '1');
CREATE FLOW learn AS TRAIN MODEL taste ON
  SELECT user, item, CASE kind WHEN 'purchase' THEN 4 WHEN 'cart' THEN 2 ELSE 1 END AS rating
  FROM STREAM events WHERE kind IN ('view', 'cart', 'purchase');

-- The stock of each item: what came, less what was sold. `id` is the last event that is counted.
CREATE STREAMING TABLE stock USING json
  OPTIONS (path 'out/shop/stock', outputMode 'update', allowUpdates 'true') AS
  SELECT item, max(id) AS id,
         sum(CASE kind WHEN 'purchase' THEN -quantity ELSE quantity END) AS units
  FROM STREAM events WHERE kind IN ('purchase', 'return', 'restock')
  GROUP BY item;

CREATE STREAMING TABLE reorder USING json OPTIONS (path 'out/shop/reorder') AS
  SELECT item, id, units FROM STREAM stock WHERE units < 5;

CREATE STREAMING TABLE funnel USING json OPTIONS (path 'out/shop/funnel') AS
  SELECT window.start AS hour, count_if(kind = 'view') AS views, count_if(kind = 'cart') AS carts,
         count_if(kind = 'purchase') AS purchases, count_if(kind = 'return') AS returns
  FROM STREAM events WATERMARK ts DELAY OF INTERVAL 10 SECONDS
  GROUP BY window(ts, '1 hour');

CREATE STREAMING TABLE sessions USING json OPTIONS (path 'out/shop/sessions') AS
  SELECT user, session_window.start AS begin, session_window.end AS end,
         count_if(kind = 'view') AS views, count_if(kind = 'cart') AS carts,
         count_if(kind = 'purchase') AS purchases
  FROM STREAM events WATERMARK ts DELAY OF INTERVAL 10 SECONDS
  WHERE user >= 0
  GROUP BY user, session_window(ts, '10 minutes');

CREATE STREAMING TABLE abandoned_carts USING json OPTIONS (path 'out/shop/abandoned_carts') AS
  SELECT user, begin, carts, purchases FROM STREAM sessions WHERE carts > purchases;

-- What stands beside the page, for one view of four.
CREATE STREAMING TABLE recommended USING json OPTIONS (path 'out/shop/recommended') AS
  SELECT id, user, model_version(taste) AS version, recommend(taste, user, 10) AS items
  FROM STREAM events WHERE kind = 'view' AND id % 4 = 0;

-- What is watched: these tables are in memory, made anew from their state after a restart.
CREATE STREAMING TABLE per_hour USING memory OPTIONS (outputMode 'complete', trigger '1 second') AS
  SELECT window.start AS hour, kind, count(*) AS n
  FROM STREAM events WHERE kind IN ('view', 'cart', 'purchase') GROUP BY window(ts, '1 hour'), kind;
CREATE STREAMING TABLE sold USING memory OPTIONS (outputMode 'complete', trigger '1 second') AS
  SELECT item, sum(quantity) AS sold FROM STREAM events WHERE kind = 'purchase' GROUP BY item;
CREATE STREAMING TABLE on_hand USING memory OPTIONS (outputMode 'complete', trigger '1 second') AS
  SELECT item, sum(CASE kind WHEN 'purchase' THEN -quantity ELSE quantity END) AS units
  FROM STREAM events WHERE kind IN ('purchase', 'return', 'restock') GROUP BY item;
CREATE STREAMING TABLE left_behind USING memory OPTIONS (outputMode 'complete', trigger '1 second')
  AS SELECT count(*) AS visits, sum(carts - purchases) AS items FROM STREAM abandoned_carts;

CREATE ALERT reorder_item COMMENT 'item {item}: {units} units are left' KEY (item) WHEN units < 5
  DO LOG AS SELECT item, units FROM STREAM stock;

CREATE DASHBOARD shop COMMENT 'Shop' AS TILES (
  purchases USING number OPTIONS (width '3')
    AS (SELECT sum(n) AS purchases FROM per_hour WHERE kind = 'purchase'),
  left_behind USING number COMMENT 'Items left in carts' OPTIONS (width '3')
    AS (SELECT items FROM left_behind),
  conversion USING gauge COMMENT 'Purchases of a hundred carts'
    ENCODE (value => share, min => 0, max => 100) OPTIONS (width '6')
    AS (SELECT round(100D * sum(CASE kind WHEN 'purchase' THEN n ELSE 0 END) /
                     sum(CASE kind WHEN 'cart' THEN n ELSE 0 END)) AS share FROM per_hour),
  behaviour USING line COMMENT 'Views, carts, purchases an hour' ENCODE (x => hour, y => n, series => kind)
    OPTIONS (width '12') AS (SELECT hour, kind, n FROM per_hour ORDER BY hour),
  best USING bar COMMENT 'Sold' OPTIONS (width '6')
    AS (SELECT CAST(item AS STRING) AS item, sold FROM sold ORDER BY sold DESC LIMIT 10),
  reorder USING table COMMENT 'To order again' OPTIONS (width '6', limit '10')
    AS (SELECT item, units FROM on_hand WHERE units < 5 ORDER BY units, item));
