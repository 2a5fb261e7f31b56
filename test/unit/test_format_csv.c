/* SPDX-License-Identifier: Apache-2.0 */
/* CSV: what Spark 4.2 answered for the same lines and wrote for the same rows. */
#include "connector_fixture.h"

static const char *decode(struct fixture *f, const char *schema, const char *const *opts,
                          const char *text, size_t block)
{
    const struct hr_format_vt *csv = hr_format_find("csv");
    struct hr_format_args args = {.conf = &f->conf, .options = with(f, opts),
                                  .schema = ddl(f, schema), .malformed_rows = &f->malformed};
    struct hr_decoder *dec = NULL;
    size_t size = strlen(text);
    f->malformed = 0;
    hr_buf_clear(&f->text);
    hr_status status = csv->decoder_open(&args, &dec, &f->err);
    if (block == 0) block = size + 1;
    for (size_t at = 0; !status && at <= size; at += block) {
        size_t n = HR_MIN(block, size - at);
        struct hr_buffer *buffer = hr_buffer_new(n);
        memcpy(buffer->data, text + at, n);
        status = csv->feed(dec, buffer, buffer->data, n, at + n >= size, &f->err);
        hr_buffer_unref(buffer);
        struct hr_batch *batch = NULL;
        while (!status && !(status = csv->next(dec, &batch, &f->err)) && batch) {
            status = batch_to_json(f, batch, &f->text);
            hr_batch_unref(batch);
        }
    }
    if (status) hr_buf_printf(&f->text, "error %s", f->err.msg);
    csv->decoder_close(dec);
    return hr_buf_cstr(&f->text);
}

#define ABC "a INT, b STRING, c DOUBLE, _corrupt_record STRING"

HR_TEST(csv_rows_as_spark)
{
    struct fixture *f = fixture();
    static const struct {
        const char *line, *row;
    } cases[] = {
        {"1,x,1.5", "{\"a\":1,\"b\":\"x\",\"c\":1.5}\n"},
        {"2,\"q\"\"uote\",2", "{\"a\":2,\"b\":\"\\\"q\\\"\\\"uote\\\"\",\"c\":2.0}\n"},
        {"3,y", "{\"a\":3,\"b\":\"y\",\"_corrupt_record\":\"3,y\"}\n"},
        {"4,z,1,extra", "{\"a\":4,\"b\":\"z\",\"c\":1.0,\"_corrupt_record\":\"4,z,1,extra\"}\n"},
        {"bad,w,1", "{\"b\":\"w\",\"c\":1.0,\"_corrupt_record\":\"bad,w,1\"}\n"},
        {"", ""},
        {"5,,", "{\"a\":5}\n"},
        {"6,\"\",3", "{\"a\":6,\"c\":3.0}\n"},
        {"7, sp ,4", "{\"a\":7,\"b\":\" sp \",\"c\":4.0}\n"},
        {"8,\"a,b\",5", "{\"a\":8,\"b\":\"a,b\",\"c\":5.0}\n"},
        {"9,\"multi", "{\"a\":9,\"b\":\"multi\",\"_corrupt_record\":\"9,\\\"multi\"}\n"},
        {"\"10\",z,7", "{\"a\":10,\"b\":\"z\",\"c\":7.0}\n"},
        {"11,a\"b,8", "{\"a\":11,\"b\":\"a\\\"b\",\"c\":8.0}\n"},
        {"12,\"abc\"d,9", "{\"a\":12,\"b\":\"\\\"abc\\\"d\",\"c\":9.0}\n"},
        {"13,\\\"x,1", "{\"a\":13,\"b\":\"\\\\\\\"x\",\"c\":1.0}\n"},
        {"14,\"a\\\"b\",2", "{\"a\":14,\"b\":\"a\\\"b\",\"c\":2.0}\n"},
        {"NaN,x,NaN", "{\"b\":\"x\",\"c\":\"NaN\",\"_corrupt_record\":\"NaN,x,NaN\"}\n"},
        {"15,x,Inf", "{\"a\":15,\"b\":\"x\",\"c\":\"Infinity\"}\n"},
        {"16,x,-Infinity", "{\"a\":16,\"b\":\"x\",\"c\":\"-Infinity\"}\n"},
        {"17,\"a\" ,1", "{\"a\":17,\"b\":\"a\",\"c\":1.0}\n"},
        {"18, \"a\",1", "{\"a\":18,\"b\":\" \\\"a\\\"\",\"c\":1.0}\n"},
        {"19,\"a\\\\b\",1", "{\"a\":19,\"b\":\"a\\\\b\",\"c\":1.0}\n"},
        {"20,\"a\\nb\",1", "{\"a\":20,\"b\":\"a\\\\nb\",\"c\":1.0}\n"},
        {"21,\"a,b\"c,1", "{\"a\":21,\"b\":\"\\\"a,b\\\"c\",\"c\":1.0}\n"},
        {"22,\"a\"b\"c\",1", "{\"a\":22,\"b\":\"\\\"a\\\"b\\\"c\\\"\",\"c\":1.0}\n"},
        {"23,\"a\"\"\",1", "{\"a\":23,\"b\":\"a\\\"\\\"\",\"c\":1.0}\n"},
        {"24,\"\"\"a\",1", "{\"a\":24,\"b\":\"\\\"\\\"\\\"a\\\"\",\"c\":1.0}\n"},
    };
    struct hr_buf all = {0}, rows = {0};
    for (size_t i = 0; i < HR_COUNT(cases); i++) {
        HR_EXPECT_EQ_STR(decode(f, ABC, NULL, cases[i].line, 0), cases[i].row);
        HR_EXPECT_EQ_STR(decode(f, ABC, NULL, cases[i].line, 3), cases[i].row);
        hr_buf_printf(&all, "%s%s", cases[i].line, i % 3 == 0 ? "\r\n" : i % 3 == 1 ? "\n" : "\r");
        hr_buf_puts(&rows, cases[i].row);
    }
    for (size_t block = 0; block < 50; block++)
        HR_EXPECT_EQ_STR(decode(f, ABC, NULL, hr_buf_cstr(&all), block), hr_buf_cstr(&rows));
    hr_buf_done(&all);
    hr_buf_done(&rows);
    fixture_done(f);
}

HR_TEST(csv_options)
{
    struct fixture *f = fixture();
    HR_EXPECT_EQ_STR(decode(f, ABC, OPTS("header", "true", "comment", "#", "nullValue", "NULL",
                                         "emptyValue", "-"),
                            "a,b,c\n1,x,1.5\n#comment,1,2\n2,NULL,2\n3,-,1\n4,\"\",0", 0),
                     "{\"a\":1,\"b\":\"x\",\"c\":1.5}\n{\"a\":2,\"c\":2.0}\n"
                     "{\"a\":3,\"b\":\"-\",\"c\":1.0}\n{\"a\":4,\"b\":\"-\",\"c\":0.0}\n");
    HR_EXPECT_TRUE(strstr(decode(f, ABC, OPTS("header", "true", "enforceSchema", "false"),
                                 "b,a,c\nx,1,1.5", 0), "error ") != NULL);
    HR_EXPECT_EQ_STR(decode(f, ABC, OPTS("sep", ";", "ignoreLeadingWhiteSpace", "true",
                                         "ignoreTrailingWhiteSpace", "true"),
                            "1;x y;1.5\n2; p ;3", 0),
                     "{\"a\":1,\"b\":\"x y\",\"c\":1.5}\n{\"a\":2,\"b\":\"p\",\"c\":3.0}\n");
    HR_EXPECT_EQ_STR(decode(f, "a INT, b STRING, c DOUBLE", OPTS("mode", "DROPMALFORMED"),
                            "1,x,1.5\nbad,y,1\n2,z", 0), "{\"a\":1,\"b\":\"x\",\"c\":1.5}\n");
    HR_EXPECT_EQ_I64(f->malformed, 2);
    HR_EXPECT_TRUE(strstr(decode(f, "a INT", OPTS("mode", "FAILFAST"), "x", 0), "error ") != NULL);
    HR_EXPECT_EQ_STR(decode(f, "a STRING, b INT", OPTS("escape", "\"", "multiLine", "true"),
                            "1,2\r\n\"a\"\"b\",11\n\"x,7\ny\",8\n\n\"a\r\nb\",9", 4),
                     /* the first line's end is that of all, as in Spark */
                     "{\"a\":\"1\",\"b\":2}\n{\"a\":\"a\\\"b\"}\n{\"a\":\"b\\\"\",\"b\":9}\n");
    HR_EXPECT_EQ_STR(decode(f, "a STRING, b STRING, c STRING", OPTS("sep", "||"),
                            "1||x||y\n2||||z", 2),
                     "{\"a\":\"1\",\"b\":\"x\",\"c\":\"y\"}\n{\"a\":\"2\",\"c\":\"z\"}\n");
    HR_EXPECT_EQ_STR(decode(f, "a STRING, b STRING", OPTS("sep", "\\t"), "a\tb", 0),
                     "{\"a\":\"a\",\"b\":\"b\"}\n");
    fixture_done(f);
}

HR_TEST(csv_types)
{
    struct fixture *f = fixture();
    HR_EXPECT_EQ_STR(
        decode(f, "t TIMESTAMP, d DATE, b BOOLEAN, m DECIMAL(6,2)", NULL,
               "2024-01-01T00:00:00.000Z,2024-01-01,true,1.255\n"
               "2024-01-01 01:02:03,2024-1-1,TRUE,\"1,000.5\"\nx,y,z,q\n"
               "2024,2024,1,99999.99\n1700000000,5,False, 1.5 ",
               0),
        "{\"t\":\"2024-01-01T00:00:00.000Z\",\"d\":\"2024-01-01\",\"b\":true,\"m\":1.26}\n"
        "{\"t\":\"2024-01-01T01:02:03.000Z\",\"d\":\"2024-01-01\",\"b\":true,"
        "\"m\":1000.50}\n{}\n"
        "{\"t\":\"2024-01-01T00:00:00.000Z\",\"d\":\"2024-01-01\"}\n{\"b\":false}\n");
    HR_EXPECT_TRUE(strstr(decode(f, "r ARRAY<INT>", NULL, "1", 0), "error ") != NULL);
    fixture_done(f);
}

static const char *infer(struct fixture *f, const char *const *opts, const char *text)
{
    struct hr_format_args args = {.options = with(f, opts)};
    const struct hr_type *type;
    hr_buf_clear(&f->text);
    if (hr_format_find("csv")->infer(&args, text, strlen(text), &type, &f->err)) return f->err.msg;
    hr_type_print_simple(type, &f->text);
    return hr_buf_cstr(&f->text);
}

HR_TEST(csv_inference)
{
    struct fixture *f = fixture();
    HR_EXPECT_EQ_STR(
        infer(f, OPTS("header", "true", "inferSchema", "true"),
              "a,b,c,d,e,f,g\n1,x,1.5,true,2024-01-01,2024-01-01 00:00:00,99999999999\n"
              "2,y,2,false,,,1"),
        "struct<a:int,b:string,c:double,d:boolean,e:date,f:timestamp,g:bigint>");
    HR_EXPECT_EQ_STR(infer(f, OPTS("header", "true"), "a,b,a,\n1,x,1.5,"),
                     "struct<a0:string,b:string,a2:string,_c3:string>");
    HR_EXPECT_EQ_STR(infer(f, NULL, "1,2"), "struct<_c0:string,_c1:string>");
    fixture_done(f);
}

static const char *encode(struct fixture *f, const char *schema, const char *const *opts,
                          const char *lines)
{
    const struct hr_format_vt *csv = hr_format_find("csv");
    struct hr_batch *batch = json_batch(f, schema, lines);
    struct hr_format_args args = {.conf = &f->conf, .options = with(f, opts),
                                  .schema = batch->schema};
    struct hr_encoder *enc;
    hr_buf_clear(&f->text);
    if (csv->encoder_open(&args, &enc, &f->err)) {
        hr_batch_unref(batch);
        return f->err.msg;
    }
    if (csv->begin(enc, &f->text, &f->err) || csv->encode(enc, batch, &f->text, NULL, &f->err))
        hr_buf_puts(&f->text, f->err.msg);
    csv->encoder_close(enc);
    hr_batch_unref(batch);
    return hr_buf_cstr(&f->text);
}

HR_TEST(csv_written_as_spark)
{
    struct fixture *f = fixture();
    HR_EXPECT_EQ_STR(
        encode(f, "a INT, b STRING, em STRING, c STRING, d STRING, e STRING, f DECIMAL(3,2), "
                  "t TIMESTAMP, dd DATE, g DOUBLE, h STRING, k STRING, bo BOOLEAN, nn DOUBLE, "
                  "z TIMESTAMP_NTZ, cc STRING",
               OPTS("header", "true"),
               "{\"a\":1,\"em\":\"\",\"c\":\"x,y\",\"d\":\"q\\\"z\",\"e\":\" sp \",\"f\":1.50,"
               "\"t\":\"2024-01-01\",\"dd\":\"2024-01-02\",\"g\":1.5,\"h\":\"back\\\\slash\","
               "\"k\":\"nl\\nx\",\"bo\":true,\"nn\":\"NaN\",\"z\":\"2024-01-01 00:00:00.5\","
               "\"cc\":\"#c\"}"),
        "a,b,em,c,d,e,f,t,dd,g,h,k,bo,nn,z,cc\n"
        "1,,\"\",\"x,y\",\"q\\\"z\",sp,1.50,2024-01-01T00:00:00.000Z,2024-01-02,1.5,back\\slash,"
        "\"nl\nx\",true,NaN,2024-01-01T00:00:00.500,#c\n");
    HR_EXPECT_TRUE(strstr(encode(f, "r ARRAY<INT>", NULL, "{}"), "doesn't support") != NULL);
    fixture_done(f);
}
