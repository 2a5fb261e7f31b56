/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of request bodies: what RFC 8259 allows, and nothing else. */
#include "hr_test.h"
#include "serve/http/json.h"

static bool is_json(const char *text, size_t len)
{
    struct hr_arena arena = {0};
    struct hr_json *json = NULL;
    hr_status status = hr_json_parse(&arena, hr_svn(text, len), &json, NULL);
    hr_arena_done(&arena);
    return status == HR_OK;
}

HR_TEST(takes_what_is_json)
{
    static const char *const good[] = {
        "null", " true ", "0", "-0", "1.5e+10", "\"\"", "[]", "{}", "[[],{}]",
        "{\"a\":[1,\"\\u00e9\\ud83d\\ude00\\n\"],\"b\":{\"c\":null}}",
    };
    static const char *const bad[] = {
        "", " ", "nul", "tru", "01", "-", "1.", "1e", ".5", "+1", "\"", "\"\\\"", "\"\\x\"", "[",
        "[1,]", "[,]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "[1 2]",
        "1 2", "\"\n\"", "\"\\u12\"",
        "\"\\ud800\"", "\"\\udc00\"", "\"\\u0000\"", "'a'", "NaN", "{\"a\":1}}", "\xff", "\"\xc3\"",
    };
    for (size_t i = 0; i < HR_COUNT(good); i++) HR_EXPECT_TRUE(is_json(good[i], strlen(good[i])));
    for (size_t i = 0; i < HR_COUNT(bad); i++) HR_EXPECT_FALSE(is_json(bad[i], strlen(bad[i])));
    char deep[400];
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    HR_EXPECT_FALSE(is_json(deep, 400));
    HR_EXPECT_TRUE(is_json(deep + 140, 120));
}

/* Any cut of a text, and any byte changed, ends well. */
HR_TEST(bad_bytes_end_well)
{
    static const char text[] = "{\"sql\":\"SELECT '\\u00e4\\\\'\",\"n\":[1,-2.5e3,true,null]}";
    char copy[sizeof text];
    for (size_t len = 0; len < sizeof text - 1; len++) HR_EXPECT_FALSE(is_json(text, len));
    for (size_t i = 0; i < sizeof text - 1; i++) {
        for (int c = 0; c < 256; c++) {
            memcpy(copy, text, sizeof text);
            copy[i] = (char)c;
            is_json(copy, sizeof text - 1);
        }
    }
}

HR_TEST(members_are_of_their_kind)
{
    struct hr_arena arena = {0};
    struct hr_json *json = NULL;
    const char *text;
    const char *source = "{\"s\":\"a\\u00e9\",\"n\":7,\"b\":true,\"z\":null,\"o\":{\"k\":[1]}}";
    int64_t n = 0;
    bool b = false;
    HR_ASSERT_TRUE(hr_json_parse(&arena, hr_sv(source), &json, NULL) == HR_OK);
    HR_EXPECT_TRUE(hr_json_string(json, "s", &text, NULL) == HR_OK);
    HR_EXPECT_EQ_STR(text, "a\xc3\xa9");
    HR_EXPECT_TRUE(hr_json_string(json, "z", &text, NULL) == HR_OK && !text);
    HR_EXPECT_FALSE(hr_json_string(json, "n", &text, NULL) == HR_OK);
    HR_EXPECT_TRUE(hr_json_int(json, "n", 1, 0, 10, &n, NULL) == HR_OK && n == 7);
    HR_EXPECT_TRUE(hr_json_int(json, "none", 1, 0, 10, &n, NULL) == HR_OK && n == 1);
    HR_EXPECT_FALSE(hr_json_int(json, "n", 1, 0, 6, &n, NULL) == HR_OK);
    HR_EXPECT_FALSE(hr_json_int(json, "b", 1, 0, 6, &n, NULL) == HR_OK);
    HR_EXPECT_TRUE(hr_json_bool(json, "b", &b, NULL) == HR_OK && b);
    HR_EXPECT_FALSE(hr_json_bool(json, "s", &b, NULL) == HR_OK);
    const struct hr_json *o = hr_json_get(json, "o");
    HR_EXPECT_EQ_BYTES(o->raw.ptr, o->raw.len, "{\"k\":[1]}");
    HR_EXPECT_TRUE(hr_json_get(o, "s") == NULL && hr_json_get(NULL, "s") == NULL);
    static const char *const some[] = {"s", "n", NULL};
    HR_EXPECT_FALSE(hr_json_check_names(json, some, NULL) == HR_OK);
    hr_arena_done(&arena);
}
