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
