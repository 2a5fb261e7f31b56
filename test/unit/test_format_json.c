/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: what Spark 4.2 answered for the same lines, modes, options, encoder, inference. */
#include "column/type_parse.h"
#include "format/format.h"
#include "base/hash.h"
#include "hr_test.h"

struct setup {
    const char *schema;
    const char *options[9]; /* key, value, … */
    size_t block;           /* feed in blocks of so many bytes; 0: whole */
    uint32_t batch_rows;
    const char *wanted;
};

static struct hr_arena arena;
static struct hr_options options;
static _Atomic int64_t malformed;

static const struct hr_type *parse_schema(const char *text)
{
    const struct hr_type *type = NULL;
    struct hr_err err;
    hr_err_init(&err);
    if (hr_schema_parse(hr_sv(text), &type, &err)) printf("schema %s: %s\n", text, err.msg);
    return type;
}

static struct hr_format_args make_args(const struct setup *setup)
{
    hr_arena_init(&arena, NULL);
    hr_options_init(&options, &arena);
    for (int i = 0; i + 1 < 9 && setup->options[i]; i += 2)
        if (hr_options_put(&options, setup->options[i], setup->options[i + 1], NULL)) abort();
    malformed = 0;
    return (struct hr_format_args){
        .options = &options,
        .schema = setup->schema ? parse_schema(setup->schema) : NULL,
        .wanted = setup->wanted ? parse_schema(setup->wanted) : NULL,
        .batch_rows = setup->batch_rows ? setup->batch_rows : HR_BATCH_ROWS,
        .malformed_rows = &malformed,
    };
}

static hr_status encode(const struct hr_batch *batch, bool nulls, struct hr_buf *out)
{
    struct hr_options opts;
    struct hr_err err;
    hr_err_init(&err);
    hr_options_init(&opts, &arena);
    if (nulls && hr_options_put(&opts, "ignoreNullFields", "false", NULL)) abort();
    struct hr_format_args args = {.options = &opts, .schema = batch->schema};
    const struct hr_format_vt *json = hr_format_find("json");
    struct hr_encoder *encoder;
    HR_TRY(json->encoder_open(&args, &encoder, &err));
    hr_status status = hr_batch_verify(batch, &err);
    if (status) printf("  verify: %s\n", err.msg);
    if (!status) status = json->encode(encoder, batch, out, NULL, &err);
    json->encoder_close(encoder);
    return status;
}

static hr_status drain(const struct hr_format_vt *vt, struct hr_decoder *dec, struct hr_buf *out,
                       struct hr_err *err)
{
    for (;;) {
        struct hr_batch *batch = NULL;
        HR_TRY(vt->next(dec, &batch, err));
        if (!batch) return HR_OK;
        hr_status status = encode(batch, true, out);
        hr_batch_unref(batch);
        HR_TRY(status);
    }
}

static void decode_once(struct setup setup, const char *text, size_t size, struct hr_buf *out)
{
    struct hr_err err;
    hr_err_init(&err);
    hr_buf_done(out);
    hr_buf_init(out, 0);
    struct hr_format_args args = make_args(&setup);
    const struct hr_format_vt *vt = hr_format_find("json");
    struct hr_decoder *dec = NULL;
    hr_status status = vt->decoder_open(&args, &dec, &err);
    size_t block = setup.block ? setup.block : size ? size : 1;
    for (size_t at = 0; !status && at <= size; at += block) {
        size_t n = HR_MIN(block, size - at);
        struct hr_buffer *buffer = hr_buffer_new(n);
        if (n) memcpy(buffer->data, text + at, n);
        status = vt->feed(dec, buffer, buffer->data, n, at + n >= size, &err);
        hr_buffer_unref(buffer);
        if (!status) status = drain(vt, dec, out, &err);
        if (at + n >= size) break;
    }
    if (status) hr_buf_printf(out, "error %s", err.msg);
    vt->decoder_close(dec);
    hr_arena_done(&arena);
}

/* The rows that text decodes to, as JSON lines with nulls; owned by a static. Every variant of the
 * parsers that this machine runs gives the same; huge texts are for one alone. */
static const char *decode(struct setup setup, const char *text, size_t size)
{
    static const char *const variants[] = {"slow", "portable", "base", "v3", "v4"};
    static struct hr_buf out;
    struct hr_buf other = {0};
    decode_once(setup, text, size, &out);
    for (size_t i = 0; i < HR_COUNT(variants) && size < 1 << 20; i++) {
        setenv("HEADRACE_JSON", variants[i], 1);
        decode_once(setup, text, size, &other);
        if (!HR_EXPECT_EQ_STR(hr_buf_cstr(&other), hr_buf_cstr(&out)))
            printf("  %s: %.*s\n", variants[i], (int)HR_MIN(size, (size_t)200), text);
    }
    unsetenv("HEADRACE_JSON");
    hr_buf_done(&other);
    return hr_buf_cstr(&out);
}

static const char *rows(struct setup setup, const char *text)
{
    return decode(setup, text, strlen(text));
}

/* Records of one shape, then some with a byte that may be anything, at every place in a vector. */
static void random_record(uint64_t *seed, struct hr_buf *out)
{
    static const char bytes[] = "\"\\\n\t{}[]:,0-9.eE\x1f\x20\x7f\x80\xc3\xa9\xff/uaz";
    size_t start = out->len;
    uint64_t r = hr_splitmix64(seed);
    hr_buf_printf(out, "{\"a\":%lld,\"b\":\"", (long long)(r >> (r % 34 + 30)));
    for (uint64_t n = hr_splitmix64(seed) % 40; n > 0; n--) hr_buf_putc(out, (char)('a' + n % 26));
    hr_buf_printf(out, "\",\"c\":%.*f,\"d\":%s%llu}", (int)(r % 7), (double)(r >> 40) / 1000,
                  r & 1 ? "-" : "", (unsigned long long)(hr_splitmix64(seed) >> (r % 60)));
    if (r % 4 == 0) {
        uint64_t at = hr_splitmix64(seed);
        out->ptr[start + at % (out->len - start)] = bytes[(at >> 32) % (sizeof bytes - 1)];
    }
    hr_buf_putc(out, '\n');
}

HR_TEST(json_variants_agree)
{
    struct hr_buf text = {0};
    uint64_t seed = 20;
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 20; i++) random_record(&seed, &text);
        struct setup setup = {.schema = "a INT, b STRING, c DOUBLE, d LONG, _corrupt_record STRING",
                              .block = round % 3 ? 0 : 97};
        HR_EXPECT_TRUE(strlen(decode(setup, text.ptr, text.len)) > 0);
        text.len = 0;
    }
    hr_buf_done(&text);
}

#define AB "a INT, b STRING, _corrupt_record STRING"
/* One line in, one row out, in every block size that cuts it. */
#define LINE(ddl, line, expected)                                                     \
    do {                                                                              \
        HR_EXPECT_EQ_STR(rows((struct setup){.schema = ddl}, line), expected);        \
        HR_EXPECT_EQ_STR(rows((struct setup){.schema = ddl}, line "\n"), expected);   \
        HR_EXPECT_EQ_STR(rows((struct setup){.schema = ddl, .block = 7}, line "\r\n"), \
                         expected);                                                   \
    } while (0)
#define ROW(a, b)       "{\"a\":" a ",\"b\":" b ",\"_corrupt_record\":null}\n"
#define BAD(a, b, text) "{\"a\":" a ",\"b\":" b ",\"_corrupt_record\":\"" text "\"}\n"

HR_TEST(json_good_records)
{
    LINE(AB, "{\"a\":1,\"b\":\"x\"}", ROW("1", "\"x\""));
    LINE(AB, "{\"b\":\"a string longer than twelve bytes\",\"a\":-5}",
         ROW("-5", "\"a string longer than twelve bytes\""));
    LINE(AB, " { \"a\" : 1 , \"b\" : \"x\" } ", ROW("1", "\"x\""));
    LINE(AB, "{\"a\":1,\"b\":\"x\"} trailing", ROW("1", "\"x\""));
    LINE(AB, "{\"a\":1,\"b\":\"x\"}{\"a\":2}", ROW("1", "\"x\""));
    LINE(AB, "{}", ROW("null", "null"));
    LINE(AB, "{\"A\":1,\"b\":\"case\"}", ROW("null", "\"case\""));
    LINE(AB, "{\"b\":\"y\",\"a\":1,\"a\":2}", ROW("2", "\"y\""));
    LINE(AB, "{\"a\":1,\"a\":null,\"b\":\"d\"}", ROW("null", "\"d\""));
    LINE(AB, "{'a':1,'b':'q'}", ROW("1", "\"q\""));
    LINE(AB, "{'b':'it\\'s \"q\"'}", ROW("null", "\"it's \\\"q\\\"\""));
    LINE(AB, "{\"a\":-0,\"b\":-0}", ROW("0", "\"-0\""));
    LINE(AB, "{\"b\":\"x\\/y\\u00e9\\ud83d\\ude00\"}", ROW("null", "\"x/yé😀\""));
    LINE(AB, "{\"b\":\"\\ud800\\ud800x\"}", ROW("null", "\"??x\""));
    LINE(AB, "{\"\\u0061\":3}", ROW("3", "null"));
    LINE(AB, "{\"a\":1,\"zz\":{\"q\":[1,2.5e+3,{\"y\":[true,false,null,{}]}]}}", ROW("1", "null"));
}

HR_TEST(json_text_of_other_values)
{
    LINE(AB, "{\"a\":1,\"b\":1.50}", ROW("1", "\"1.50\""));
    LINE(AB, "{\"a\":1,\"b\":true}", ROW("1", "\"true\""));
    LINE(AB, "{\"a\":1,\"b\":1e5}", ROW("1", "\"1e5\""));
    LINE(AB, "{\"a\":1,\"b\":NaN}", ROW("1", "\"NaN\""));
    LINE(AB, "{\"a\":1,\"b\":{\"x\": 1.0, \"y\":[1, 2]}}",
         ROW("1", "\"{\\\"x\\\": 1.0, \\\"y\\\":[1, 2]}\""));
    LINE(AB, "{\"a\":1,\"b\":[1, \"é\\u00e9\" ]}",
         ROW("1", "\"[1, \\\"é\\\\u00e9\\\" ]\""));
}

HR_TEST(json_damaged_records)
{
    LINE(AB, "{\"a\":1,\"b\":\"x\"", BAD("null", "null", "{\\\"a\\\":1,\\\"b\\\":\\\"x\\\""));
    LINE(AB, "{\"a\":\"1\",\"b\":5}", BAD("null", "\"5\"", "{\\\"a\\\":\\\"1\\\",\\\"b\\\":5}"));
    LINE(AB, "{\"a\":1.5,\"b\":2}", BAD("null", "\"2\"", "{\\\"a\\\":1.5,\\\"b\\\":2}"));
    LINE(AB, "{\"a\":99999999999}", BAD("null", "null", "{\\\"a\\\":99999999999}"));
    LINE(AB, "{\"a\":01}", BAD("null", "null", "{\\\"a\\\":01}"));
    LINE(AB, "{\"a\":true,\"b\":\"m\"}",
         BAD("null", "\"m\"", "{\\\"a\\\":true,\\\"b\\\":\\\"m\\\"}"));
    LINE(AB, "{\"a\":\"\",\"b\":\"\"}",
         BAD("null", "\"\"", "{\\\"a\\\":\\\"\\\",\\\"b\\\":\\\"\\\"}"));
    LINE(AB, "{\"a\":7,\"a\":\"bad\"}", BAD("7", "null", "{\\\"a\\\":7,\\\"a\\\":\\\"bad\\\"}"));
    static const char *const broken[] = {"null",
                                         "5",
                                         "[1]",
                                         "{a:1}",
                                         "{\"a\":1,}",
                                         "{\"a\":1 \"b\":2}",
                                         "// c",
                                         "true",
                                         "{\"a\":1,\"zz\":{\"q\":bad},\"b\":3}",
                                         "{\"a\":+5}",
                                         "{\"a\":.5}",
                                         "{\"b\":tru}",
                                         "{\"b\":nul}",
                                         "{\"a\":1;\"b\":2}",
                                         "{\"a\":1]",
                                         "[{\"a\":1},{\"a\":3}",
                                         "[[{\"a\":1}]]",
                                         "[{\"a\":1},5]",
                                         "{\"a\":1, \"b\"}",
                                         "{\"a\" 1}",
                                         "{\"a\":12a}",
                                         "{\"b\":1.}",
                                         "{\"b\":01}",
                                         "{\"b\":-}",
                                         "{\"b\":1e}",
                                         "{\"b\":0x1}",
                                         "{broken",
                                         "}",
                                         "{\"a\":1,,\"b\":2}",
                                         "{\"b\":\"bad\\qesc\"}",
                                         "{\"b\":\"\\u12g4\"}",
                                         "{\"b\":INF}"};
    for (size_t i = 0; i < HR_COUNT(broken); i++) {
        const char *got = rows((struct setup){.schema = "a INT, b STRING"}, broken[i]);
        if (!HR_EXPECT_EQ_STR(got, "{\"a\":null,\"b\":null}\n")) printf("  %s\n", broken[i]);
        HR_EXPECT_EQ_I64(malformed, 1);
    }
}

HR_TEST(json_bytes_that_are_not_text)
{
    static const char text[] = "{\"a\":1,\"b\":\"\xff\"}\n\xef\xbb\xbf{\"a\":3,\"b\":\"bom\"}\n"
                               "{\"a\":5}\r{\"a\":6}\r\n\n  \n{\"a\":7,\"b\":\"\x01\"}\n"
                               "{\"a\":8,\"b\":\"\xed\xa0\x80\"}\n{\"a\":9,\"b\":\"\0\"}\n";
    const char *expected = BAD("null", "null", "{\\\"a\\\":1,\\\"b\\\":\\\"\xef\xbf\xbd\\\"}")
        ROW("3", "\"bom\"") ROW("5", "null") ROW("6", "null")
        BAD("null", "null", "{\\\"a\\\":7,\\\"b\\\":\\\"\\u0001\\\"}")
        BAD("null", "null", "{\\\"a\\\":8,\\\"b\\\":\\\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\\"}")
        BAD("null", "null", "{\\\"a\\\":9,\\\"b\\\":\\\"\\u0000\\\"}");
    for (size_t block = 0; block < 40; block++)
        HR_EXPECT_EQ_STR(decode((struct setup){.schema = AB, .block = block}, text,
                                sizeof text - 1), expected);
}

HR_TEST(json_arrays_at_the_root)
{
    LINE("a INT", "[{\"a\":1},{\"a\":2}]", "{\"a\":1}\n{\"a\":2}\n");
    LINE("a INT", "[]", "");
    LINE(AB, "[{\"a\":1},{\"a\":\"x\"}]",
         BAD("1", "null", "[{\\\"a\\\":1},{\\\"a\\\":\\\"x\\\"}]")
         BAD("null", "null", "[{\\\"a\\\":1},{\\\"a\\\":\\\"x\\\"}]"));
    struct hr_buf text = {0};
    hr_buf_puts(&text, "{\"a\":-1}\n[");
    for (int i = 0; i < 1000; i++) hr_buf_printf(&text, "%s{\"a\":%d}", i ? "," : "", i);
    hr_buf_puts(&text, "]\n{\"a\":-2}");
    const char *got = decode((struct setup){.schema = "a INT", .batch_rows = 10, .block = 999},
                             text.ptr, text.len);
    int count = 0;
    for (const char *p = got; *p; p++) count += *p == '\n';
    HR_EXPECT_EQ_I64(count, 1002);
    HR_EXPECT_TRUE(strstr(got, "{\"a\":998}\n{\"a\":999}\n{\"a\":-2}\n"));
    hr_buf_done(&text);
}

HR_TEST(json_numbers)
{
#define NUM "d DOUBLE, f FLOAT, l LONG, y BYTE"
    LINE(NUM, "{\"d\":1,\"f\":1.5,\"l\":1,\"y\":1}", "{\"d\":1.0,\"f\":1.5,\"l\":1,\"y\":1}\n");
    LINE(NUM, "{\"d\":\"NaN\",\"f\":\"Infinity\",\"l\":-9223372036854775808,\"y\":-128}",
         "{\"d\":\"NaN\",\"f\":\"Infinity\",\"l\":-9223372036854775808,\"y\":-128}\n");
    LINE(NUM, "{\"d\":NaN,\"f\":-Infinity}",
         "{\"d\":\"NaN\",\"f\":\"-Infinity\",\"l\":null,\"y\":null}\n");
    LINE(NUM, "{\"d\":1e400,\"l\":9223372036854775808}",
         "{\"d\":\"Infinity\",\"f\":null,\"l\":null,\"y\":null}\n");
    LINE(NUM, "{\"d\":0.1,\"f\":0.1,\"l\":1.0,\"y\":-129}",
         "{\"d\":0.1,\"f\":0.1,\"l\":null,\"y\":null}\n");
    LINE(NUM, "{\"d\":123456789012345678901234567890,\"f\":16777217}",
         "{\"d\":1.2345678901234568E29,\"f\":1.6777216E7,\"l\":null,\"y\":null}\n");
    LINE(NUM, "{\"d\":-12.25,\"f\":2.5E-3,\"l\":123456789012345678}",
         "{\"d\":-12.25,\"f\":0.0025,\"l\":123456789012345678,\"y\":null}\n");
    LINE("d DOUBLE", "{\"d\":\"1.5\"}", "{\"d\":null}\n");
#define DEC "m DECIMAL(5,2), n DECIMAL(20,0)"
    LINE(DEC, "{\"m\":1.234,\"n\":12345678901234567890}",
         "{\"m\":1.23,\"n\":12345678901234567890}\n");
    LINE(DEC, "{\"m\":\"1.235\",\"n\":1.5}", "{\"m\":1.24,\"n\":2}\n");
    LINE(DEC, "{\"m\":1234.5,\"n\":\"5\"}", "{\"m\":null,\"n\":5}\n");
    LINE(DEC, "{\"m\":1e2,\"n\":\"x\"}", "{\"m\":100.00,\"n\":null}\n");
    LINE(DEC, "{\"m\":-0.05,\"n\":-7}", "{\"m\":-0.05,\"n\":-7}\n");
}

HR_TEST(json_times)
{
#define TIMES "t TIMESTAMP, d DATE, z TIMESTAMP_NTZ, x BINARY"
    LINE(TIMES, "{\"t\":\"2024-01-01T00:00:00.000Z\",\"d\":\"2024-01-01\","
         "\"z\":\"2024-01-01T01:02:03\",\"x\":\"aGVsbG8=\"}",
         "{\"t\":\"2024-01-01T00:00:00.000Z\",\"d\":\"2024-01-01\","
         "\"z\":\"2024-01-01T01:02:03.000\",\"x\":\"aGVsbG8=\"}\n");
    LINE("t TIMESTAMP", "{\"t\":1700000000}", "{\"t\":\"2023-11-14T22:13:20.000Z\"}\n");
    LINE("t TIMESTAMP", "{\"t\":1.5}", "{\"t\":null}\n");
    LINE("t TIMESTAMP", "{\"t\":\"2024\"}", "{\"t\":\"2024-01-01T00:00:00.000Z\"}\n");
    LINE("t TIMESTAMP", "{\"t\":\"2024-01-01T00:00:00+02:00\"}",
         "{\"t\":\"2023-12-31T22:00:00.000Z\"}\n");
    LINE("t TIMESTAMP", "{\"t\":\"2024-01-01T24:00:00Z\"}", "{\"t\":null}\n");
    LINE("t TIMESTAMP", "{\"t\":\"2024-02-30T00:00:00Z\"}", "{\"t\":null}\n");
    LINE("d DATE", "{\"d\":\"2024-1-5\"}", "{\"d\":\"2024-01-05\"}\n");
    LINE("d DATE", "{\"d\":19000}", "{\"d\":null}\n");
    LINE("x BINARY", "{\"x\":\"not base64!\"}", "{\"x\":null}\n");
    HR_EXPECT_EQ_STR(rows((struct setup){.schema = "t TIMESTAMP, d DATE",
                                         .options = {"timestampFormat", "dd/MM/yyyy HH:mm",
                                                     "dateFormat", "dd.MM.yyyy"}},
                          "{\"t\":\"01/02/2024 03:04\",\"d\":\"02.01.2024\"}\n"
                          "{\"t\":\"2024-01-01T00:00:00Z\",\"d\":\"2024-01-01\"}"),
                     "{\"t\":\"2024-02-01T03:04:00.000Z\",\"d\":\"2024-01-02\"}\n"
                     "{\"t\":null,\"d\":null}\n");
    /* seconds and fractions of one minute, which takes the remembered prefix */
    HR_EXPECT_EQ_STR(rows((struct setup){.schema = "t TIMESTAMP"},
                          "{\"t\":\"2024-05-06T07:08:09.123Z\"}\n{\"t\":\"2024-05-06T07:08:10Z\"}\n"
                          "{\"t\":\"2024-05-06T07:08:61Z\"}\n{\"t\":\"2024-05-06T07:08:1Z\"}\n"
                          "{\"t\":\"2024-05-06T07:08:11.5Z\"}\n"
                          "{\"t\":\"2024-05-06T07:08:12.123456Z\"}\n"
                          "{\"t\":\"2024-05-06T07:08:a2.123Z\"}\n"
                          "{\"t\":\"2024-05-06T07:08:12.12:Z\"}\n"),
                     "{\"t\":\"2024-05-06T07:08:09.123Z\"}\n{\"t\":\"2024-05-06T07:08:10.000Z\"}\n"
                     "{\"t\":null}\n{\"t\":\"2024-05-06T07:08:01.000Z\"}\n"
                     "{\"t\":\"2024-05-06T07:08:11.500Z\"}\n{\"t\":\"2024-05-06T07:08:12.123Z\"}\n"
                     "{\"t\":null}\n{\"t\":null}\n");
}

HR_TEST(json_nested)
{
#define NEST "s STRUCT<a:INT,b:STRING>, r ARRAY<INT>, m MAP<STRING,INT>"
    LINE(NEST, "{\"s\":{\"a\":1,\"b\":\"x\"},\"r\":[1,2],\"m\":{\"k\":1,\"j\":2}}",
         "{\"s\":{\"a\":1,\"b\":\"x\"},\"r\":[1,2],\"m\":{\"k\":1,\"j\":2}}\n");
    LINE(NEST, "{\"s\":{\"a\":\"bad\",\"b\":\"x\"},\"r\":[1,\"q\",3],\"m\":{\"k\":1,\"j\":\"z\"}}",
         "{\"s\":{\"a\":null,\"b\":\"x\"},\"r\":null,\"m\":null}\n");
    LINE(NEST, "{\"s\":\"str\",\"r\":5,\"m\":[1]}", "{\"s\":null,\"r\":null,\"m\":null}\n");
    LINE(NEST, "{\"s\":{},\"r\":[],\"m\":{}}",
         "{\"s\":{\"a\":null,\"b\":null},\"r\":[],\"m\":{}}\n");
    LINE(NEST, "{\"s\":{\"a\":1},\"s\":{\"b\":\"two\"},\"r\":[null,1],\"m\":{\"k\":null}}",
         "{\"s\":{\"a\":null,\"b\":\"two\"},\"r\":[null,1],\"m\":{\"k\":null}}\n");
    LINE(NEST, "{\"r\":[1,2],\"r\":[3],\"m\":{\"k\":1,\"k\":2}}",
         "{\"s\":null,\"r\":[3],\"m\":{\"k\":1,\"k\":2}}\n");
    LINE("r ARRAY<STRUCT<a:INT,q:ARRAY<STRING>>>",
         "{\"r\":[{\"a\":1,\"q\":[\"x\",\"y\"]},null,{\"q\":[]},{\"a\":2,\"q\":[\"z\"]}]}",
         "{\"r\":[{\"a\":1,\"q\":[\"x\",\"y\"]},null,{\"a\":null,\"q\":[]},"
         "{\"a\":2,\"q\":[\"z\"]}]}\n");
    /* a damaged record between good ones takes its elements with it */
    HR_EXPECT_EQ_STR(rows((struct setup){.schema = "r ARRAY<ARRAY<INT>>"},
                          "{\"r\":[[1],[2,3]]}\n{\"r\":[[4],[5,6]]\n{}\n{\"r\":[[7]]}"),
                     "{\"r\":[[1],[2,3]]}\n{\"r\":null}\n{\"r\":null}\n{\"r\":[[7]]}\n");
    HR_EXPECT_EQ_STR(rows((struct setup){.schema = NEST, .wanted = "r ARRAY<INT>"},
                          "{\"s\":{\"a\":\"bad\"},\"r\":[1]}"), "{\"r\":[1]}\n");
}

HR_TEST(json_modes)
{
    const char *text = "{\"a\":1,\"b\":\"x\"}\n{\"a\":\"bad\",\"b\":\"x\"}\n{broken\n{\"a\":2}\n";
    struct setup s = {.schema = "a INT, b STRING", .options = {"mode", "DROPMALFORMED"}};
    HR_EXPECT_EQ_STR(rows(s, text), "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":null}\n");
    HR_EXPECT_EQ_I64(malformed, 2);
    s.options[1] = "FAILFAST";
    HR_EXPECT_TRUE(strstr(rows(s, text), "Malformed records are detected in record parsing: "
                                         "{\"a\":\"bad\",\"b\":\"x\"}"));
    s.options[1] = "sideways";
    HR_EXPECT_TRUE(strstr(rows(s, text), "error "));
    HR_EXPECT_EQ_STR(rows((struct setup){.schema = "a INT, bad STRING",
                                         .options = {"columnNameOfCorruptRecord", "bad"}},
                          "{broken\n{\"a\":1,\"bad\":\"key\"}"),
                     "{\"a\":null,\"bad\":\"{broken\"}\n{\"a\":1,\"bad\":null}\n");
}

HR_TEST(json_leniencies)
{
    struct setup s = {.schema = "a INT, b STRING",
                      .options = {"allowComments", "true", "allowUnquotedFieldNames", "true",
                                  "allowNumericLeadingZeros", "true"}};
    HR_EXPECT_EQ_STR(rows(s, "{\"a\":1, /* c */ \"b\":\"x\"}\n{a:1,\"b\":\"x\"}\n{\"a\":007}"),
                     "{\"a\":1,\"b\":\"x\"}\n{\"a\":1,\"b\":\"x\"}\n{\"a\":7,\"b\":null}\n");
    s = (struct setup){.schema = "a INT, b STRING",
                       .options = {"allowBackslashEscapingAnyCharacter", "true",
                                   "allowUnquotedControlChars", "true"}};
    HR_EXPECT_EQ_STR(rows(s, "{\"a\":1,\"b\":\"x\\qz\ty\"}"), "{\"a\":1,\"b\":\"xqz\\ty\"}\n");
    s = (struct setup){.schema = "a INT", .options = {"lineSep", "||"}, .block = 3};
    HR_EXPECT_EQ_STR(rows(s, "{\"a\":1}||{\"a\":2}||{\"a\":\n3}"),
                     "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
    s = (struct setup){.schema = "a INT", .options = {"multiLine", "true"}, .block = 5};
    HR_EXPECT_EQ_STR(rows(s, "[{\n\"a\":1},\n{\"a\":2}\n]\n"), "{\"a\":1}\n{\"a\":2}\n");
}

HR_TEST(json_long_records)
{
    struct hr_buf text = {0};
    hr_buf_puts(&text, "{\"a\":1,\"b\":\"");
    for (int i = 0; i < 1000000; i++) hr_buf_puts(&text, "0123456789");
    hr_buf_puts(&text, "\"}\n{\"a\":2,\"b\":\"z\"}\n");
    const char *got = decode((struct setup){.schema = "a INT, b STRING", .block = 1 << 20},
                             text.ptr, text.len);
    HR_EXPECT_EQ_I64(strlen(got), 10000000 + 15 + 16);
    HR_EXPECT_EQ_STR(got + strlen(got) - 17, "\n{\"a\":2,\"b\":\"z\"}\n");
    got = decode((struct setup){.schema = AB, .block = 4096, .options = {"maxRecordBytes", "1m"}},
                 text.ptr, text.len);
    HR_EXPECT_EQ_I64(malformed, 1);
    HR_EXPECT_TRUE(strncmp(got, "{\"a\":null,\"b\":null,\"_corrupt_record\":\"{", 38) == 0);
    HR_EXPECT_TRUE(strstr(got, "{\"a\":2,\"b\":\"z\",\"_corrupt_record\":null}\n"));
    hr_buf_clear(&text);
    for (int i = 0; i < 100000; i++) hr_buf_puts(&text, "[");
    HR_EXPECT_EQ_STR(decode((struct setup){.schema = "a INT"}, text.ptr, text.len),
                     "{\"a\":null}\n");
    hr_buf_clear(&text);
    hr_buf_puts(&text, "{\"q\":");
    for (int i = 0; i < 100000; i++) hr_buf_puts(&text, "{\"q\":");
    HR_EXPECT_EQ_STR(decode((struct setup){.schema = "a INT"}, text.ptr, text.len),
                     "{\"a\":null}\n");
    hr_buf_done(&text);
}

HR_TEST(json_messages)
{
    struct setup setup = {.schema = AB};
    struct hr_format_args args = make_args(&setup);
    const struct hr_format_vt *vt = hr_format_find("json");
    struct hr_decoder *dec;
    struct hr_err err;
    hr_err_init(&err);
    HR_ASSERT_OK(vt->decoder_open(&args, &dec, &err));
    const struct hr_str_view messages[] = {hr_sv("{\"a\":1,\n\"b\":\"x\"}"), {NULL, 0},
                                           hr_sv("{broken"), hr_sv(""),
                                           hr_sv("[{\"a\":1},{\"a\":2}]"), hr_sv("{\"a\":2}")};
    struct hr_batch *batch;
    HR_ASSERT_OK(vt->messages(dec, messages, 6, &batch, &err));
    struct hr_buf out = {0};
    HR_EXPECT_EQ_I64(batch->row_count, 6);
    HR_EXPECT_OK(encode(batch, true, &out));
    HR_EXPECT_EQ_STR(hr_buf_cstr(&out),
                     ROW("1", "\"x\"") ROW("null", "null") BAD("null", "null", "{broken")
                     ROW("null", "null")
                     BAD("null", "null", "[{\\\"a\\\":1},{\\\"a\\\":2}]") ROW("2", "null"));
    hr_buf_done(&out);
    hr_batch_unref(batch);
    vt->decoder_close(dec);
    hr_arena_done(&arena);
}

static const char *inferred(const char *text)
{
    static struct hr_buf out;
    struct setup setup = {0};
    struct hr_format_args args = make_args(&setup);
    const struct hr_type *type;
    struct hr_err err;
    hr_err_init(&err);
    hr_buf_clear(&out);
    if (hr_format_find("json")->infer(&args, text, strlen(text), &type, &err))
        hr_buf_puts(&out, err.msg);
    else
        hr_type_print_simple(type, &out);
    hr_arena_done(&arena);
    return hr_buf_cstr(&out);
}

HR_TEST(json_inference)
{
    HR_EXPECT_EQ_STR(
        inferred("{\"b\":1,\"a\":\"x\",\"c\":1.5,\"d\":true,\"e\":null,\"f\":{\"y\":1,\"x\":\"q\"},"
                 "\"g\":[1,2.5],\"h\":[],\"i\":\"2024-01-01T00:00:00Z\"}\n"
                 "{\"b\":2.5,\"a\":5,\"c\":12345678901234567890,\"d\":\"x\",\"f\":{\"z\":1},"
                 "\"g\":[null]}\n{bad\n"),
        "struct<_corrupt_record:string,a:string,b:double,c:double,d:string,e:string,"
        "f:struct<x:string,y:bigint,z:bigint>,g:array<double>,h:array<string>,i:string>");
    HR_EXPECT_EQ_STR(inferred("{\"a\":[1,\"x\"],\"b\":[{\"x\":1},{\"y\":2}],\"d\":1e3}"),
                     "struct<a:array<string>,b:array<struct<x:bigint,y:bigint>>,d:double>");
}
