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
