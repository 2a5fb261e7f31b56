-- Hash functions: the values must be Spark's own, since they decide partitions.
SELECT hash(1), hash(1L), hash('a'), hash(1.5D), hash(true), hash(NULL), hash(1Y), hash(1.5F);
SELECT hash(1, 'a'), hash('a', 1), hash(array(1, 2)), hash(struct(1, 'a')), hash(DATE'2020-01-01'), hash(TIMESTAMP'2020-01-01 00:00:00'), hash(1.50), hash(X'0102');
SELECT hash(''), hash('abc'), hash('abcd'), hash('abcdefgh'), hash('Spark SQL is fun'), hash('日本語'), hash('é');
SELECT hash(0.0D), hash(-0.0D), hash(CAST('NaN' AS DOUBLE)), hash(12345678901234567890.5), hash(CAST(1.5 AS DECIMAL(38, 10))), hash(INTERVAL '1' DAY), hash(NULL, 1), hash(array(1, NULL)), hash(named_struct('a', NULL));
SELECT xxhash64(1), xxhash64(1L), xxhash64('a'), xxhash64(1.5D), xxhash64(NULL), xxhash64(true), xxhash64(1.50);
SELECT xxhash64('Spark'), xxhash64(''), xxhash64('abcd'), xxhash64('0123456789012345678901234567890123456789'), xxhash64(1, 'a'), xxhash64(array(1, 2)), xxhash64(struct(1, 'a')), xxhash64(DATE'2020-01-01');
SELECT md5('Spark'), md5(''), md5(X'00'), md5(NULL), sha1('Spark'), sha('Spark'), sha1('');
SELECT sha2('Spark', 256), sha2('Spark', 0), sha2('Spark', 224), sha2('Spark', 384), sha2('Spark', 512), sha2('Spark', 1), sha2(NULL, 256);
SELECT crc32('Spark'), crc32(''), crc32(X'FF'), crc32(NULL), typeof(crc32('a')), typeof(hash(1)), typeof(xxhash64(1));
SELECT pmod(hash(a), 4) AS p, a FROM VALUES (1), (2), (3), (4), (5) AS t(a) ORDER BY a;
SELECT hash(a, b), xxhash64(a, b) FROM VALUES ('x', 1), ('y', NULL), (NULL, 3) AS t(a, b) ORDER BY a, b;
SELECT hash();
SELECT hash(map('a', 1));
SELECT md5(1);
SELECT sha2('a', 'x');
SELECT hash(*) FROM VALUES (1, 'a') AS t(a, b);
