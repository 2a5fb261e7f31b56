-- SPDX-License-Identifier: Apache-2.0
-- Posts: what is talked of more than usual, how it feels, and which ad is shown to whom.
-- `headrace demo social` runs this file: an hour of posts a second.

CREATE TABLE posts USING generator OPTIONS (name 'social', rowsPerSecond '1800');
CREATE TABLE visits USING generator OPTIONS (name 'social_visits', rowsPerSecond '900');
CREATE TABLE answers USING generator OPTIONS (name 'social_answers', rowsPerSecond '3600');

-- Each tag in each five minutes: posts, authors (a storm of one author is no trend), feeling.
CREATE STREAMING TABLE per_tag USING json OPTIONS (path 'out/social/per_tag') AS
  SELECT window.start AS begin, tag, count(*) AS posts, approx_count_distinct(author) AS authors,
         round(avg(sentiment(text)), 3) AS feeling
  FROM STREAM posts WATERMARK ts DELAY OF INTERVAL 5 SECONDS
  GROUP BY window(ts, '5 minutes'), tag;

-- A trend: three times the authors of the two hours before, and of the same time yesterday.
CREATE STREAMING TABLE trends USING json
  OPTIONS (path 'out/social/trends', outputMode 'update', allowUpdates 'true') AS
  SELECT begin, tag, authors, round(usual, 1) AS usual, round(yesterday, 1) AS yesterday, feeling
  FROM (
    SELECT begin, tag, authors, feeling,
           sum(CASE WHEN age > 0 AND age <= 7200 THEN h_authors ELSE 0 END) / 24D AS usual,
           sum(CASE WHEN age > 85200 AND age < 87600 THEN h_authors ELSE 0 END) / 7D AS yesterday
    FROM (
      SELECT c.begin AS begin, c.tag, c.authors, c.feeling, h.authors AS h_authors,
             unix_seconds(c.begin) - unix_seconds(h.begin) AS age
      FROM (SELECT * FROM STREAM per_tag WATERMARK begin DELAY OF INTERVAL 1 MINUTE) c
      JOIN (SELECT * FROM STREAM per_tag WATERMARK begin DELAY OF INTERVAL 1 MINUTE) h
      ON c.tag = h.tag AND h.begin BETWEEN c.begin - INTERVAL 25 HOURS AND c.begin)
    GROUP BY begin, tag, authors, feeling)
  WHERE authors > 3 * usual + 7 AND authors > 2 * yesterday + 5;

CREATE STREAMING TABLE feelings USING json OPTIONS (path 'out/social/feelings') AS
  SELECT id, tag, sentiment(text) AS feeling FROM STREAM posts;

-- Ads: a bandit by segment; what became of each ad that was shown comes back to it.
CREATE MODEL ads USING bandit
  OPTIONS (policy 'thompson', arms 'shoes, books, travel, tools', discount '0.9995', seed '1');
CREATE STREAMING TABLE shown USING json OPTIONS (path 'out/social/shown') AS
  SELECT id, segment, ts, choose(ads, segment, id).arm AS ad FROM STREAM visits;
CREATE FLOW learn AS TRAIN MODEL ads ON
  SELECT s.segment, s.ad, CAST(a.clicked AS INT) AS clicked
  FROM (SELECT * FROM STREAM shown WATERMARK ts DELAY OF INTERVAL 1 MINUTE) s
  JOIN (SELECT id, ad, clicked, ts FROM STREAM answers WATERMARK ts DELAY OF INTERVAL 1 MINUTE) a
  ON s.id = a.id AND s.ad = a.ad AND s.ts = a.ts;

-- What is watched: these tables are in memory, made anew from their state after a restart.
CREATE STREAMING TABLE per_hour USING memory OPTIONS (outputMode 'complete', trigger '1 second') AS
  SELECT window.start AS hour, count(*) AS posts, round(avg(sentiment(text)), 3) AS feeling
  FROM STREAM posts GROUP BY window(ts, '1 hour');
CREATE STREAMING TABLE tags USING memory OPTIONS (outputMode 'complete', trigger '1 second') AS
  SELECT tag, count(*) AS posts, round(avg(sentiment(text)), 3) AS feeling
  FROM STREAM posts GROUP BY tag;
CREATE STREAMING TABLE trending USING memory OPTIONS (outputMode 'complete', trigger '1 second') AS
  SELECT tag, max(begin) AS last, max(authors) AS authors, max(usual) AS usual
  FROM STREAM trends GROUP BY tag;
CREATE STREAMING TABLE ads_shown USING memory OPTIONS (outputMode 'complete', trigger '1 second') AS
  SELECT segment, ad, count(*) AS shown FROM STREAM shown GROUP BY segment, ad;

CREATE ALERT trend COMMENT '{tag}: {authors} authors, usually {usual}' SEVERITY info KEY (tag)
  KEEP FIRING FOR INTERVAL 10 SECONDS DO LOG
  AS SELECT tag, authors, usual FROM STREAM trends;

CREATE DASHBOARD social COMMENT 'Posts' AS TILES (
  posts USING number OPTIONS (width '3') AS (SELECT sum(posts) AS posts FROM per_hour),
  feeling USING number COMMENT 'Feeling' OPTIONS (width '3')
    AS (SELECT round(sum(feeling * posts) / sum(posts), 3) AS feeling FROM per_hour),
  trends USING table COMMENT 'Trends' OPTIONS (width '6', limit '8')
    AS (SELECT tag, last, authors, usual FROM trending ORDER BY last DESC),
  per_hour USING area COMMENT 'Posts an hour' ENCODE (x => hour, y => posts) OPTIONS (width '6')
    AS (SELECT hour, posts FROM per_hour ORDER BY hour),
  feelings USING line COMMENT 'Feeling by hour' ENCODE (x => hour, y => feeling)
    OPTIONS (width '6') AS (SELECT hour, feeling FROM per_hour ORDER BY hour),
  tags USING bar COMMENT 'Most used tags' ENCODE (x => tag, y => posts) OPTIONS (width '6')
    AS (SELECT tag, posts FROM tags ORDER BY posts DESC LIMIT 10),
  ads USING heatmap COMMENT 'Ads shown, by segment' ENCODE (x => ad, y => segment, value => shown)
    OPTIONS (width '6') AS (SELECT segment, ad, shown FROM ads_shown ORDER BY segment, ad));
