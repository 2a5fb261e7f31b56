SELECT rand(42), randn(42), rand(0), rand(-5), random(7);
SELECT rand(42) AS a, randn(42) AS b FROM range(5);
SELECT rand(42), rand(42), randn(1), randn(1) FROM range(3);
SELECT rand(NULL), rand(CAST(NULL AS bigint)), randn(NULL);
SELECT rand(5L), rand(9223372036854775807), rand(-9223372036854775807L), randn(-1);
SELECT round(avg(r), 12), round(min(r), 12), round(max(r), 12) FROM (SELECT rand(3) AS r FROM range(10000));
SELECT round(avg(r), 10), round(stddev(r), 10) FROM (SELECT randn(3) AS r FROM range(10000));
SELECT id, CASE WHEN id % 2 = 0 THEN rand(1) END AS r FROM range(6) ORDER BY id;
SELECT id, nanvl(rand(9), 1 / 0) AS r FROM range(3) ORDER BY id;
