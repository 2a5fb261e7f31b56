SET spark.sql.ansi.enabled=false;
SELECT size(NULL), size(CAST(NULL AS array<int>)), size(array()), cardinality(CAST(NULL AS map<int, int>)), size(map(1, 2));
SELECT size(a), a FROM VALUES (array(1, 2)), (NULL), (array()) t(a) ORDER BY size(a);
SELECT coalesce(1, 'x'), coalesce('x', 1), nvl(1.5, 'x'), nvl2(NULL, 1, 'x'), ifnull(DATE'2020-01-01', 'x');
SELECT array(1, 'x'), array('x', 1.5D, DATE'2020-01-01'), array(array(1), array('x')), map(1, 'a', 'b', 2);
SELECT CASE WHEN true THEN 1 ELSE 'x' END, if(false, 1, 'x'), if(true, TIMESTAMP'2020-01-01 00:00:00', 'x');
SELECT 1 IN ('1', 'x'), 1 IN ('01'), 'x' IN (1, 2);
SELECT 1 AS a UNION ALL SELECT 'x';
SELECT coalesce(true, 'x');
SELECT coalesce(X'41', 'x');
SELECT greatest(1, 'x');
SELECT CAST(true AS timestamp), CAST(false AS timestamp), CAST(CAST(NULL AS boolean) AS timestamp);
SELECT CAST(TIMESTAMP'1970-01-01 00:00:00' AS boolean), CAST(TIMESTAMP'2020-01-01 00:00:00' AS boolean), CAST(DATE'2020-01-01' AS boolean);
SELECT hex(CAST(1Y AS binary)), hex(CAST(258S AS binary)), hex(CAST(-1 AS binary)), hex(CAST(4294967296L AS binary));
SELECT try_cast(true AS timestamp);
SELECT nanvl(1D, 1 / 0), 1 / 0, CAST('x' AS int);
SET spark.sql.ansi.enabled=true;
SELECT size(NULL), size(CAST(NULL AS array<int>))
