/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/secrets.h"
#include "hr_test.h"

static const char *hidden(const char *text)
{
    static char copy[512];
    memcpy(copy, text, strlen(text) + 1);
    hr_hide_secrets(copy, strlen(copy));
    return copy;
}

HR_TEST(secrets_behind_keys)
{
    HR_EXPECT_EQ_STR(hidden("OPTIONS (password 'abc', path 'x')"),
                     "OPTIONS (password '***', path 'x')");
    HR_EXPECT_EQ_STR(hidden("(`kafka.sasl.password` = 'a''b\\'c')"),
                     "(`kafka.sasl.password` = '*******')");
    HR_EXPECT_EQ_STR(hidden("('token' \"abc\" , 'b' 'token', 'c' 'd')"),
                     "('token' \"***\" , 'b' 'token', 'c' 'd')");
    HR_EXPECT_EQ_STR(hidden("password 'never ended"), "password '***********");
    HR_EXPECT_EQ_STR(hidden("SELECT 'a', \"b\" FROM `password`"),
                     "SELECT 'a', \"b\" FROM `password`");
}

HR_TEST(secrets_in_addresses)
{
    HR_EXPECT_EQ_STR(hidden("url 'postgresql://u:a@b@host/db?x=1'"),
                     "url 'postgresql://u:***@host/db?x=1'");
    HR_EXPECT_EQ_STR(hidden("url 'http://host:80/u:p@x'"), "url 'http://host:80/u:p@x'");
    HR_EXPECT_EQ_STR(hidden("url 'host=h password=abc user=u'"),
                     "url 'host=h password=*** user=u'");
    HR_EXPECT_EQ_STR(hidden("jaas 'x password=\"a b\";'"), "jaas '*****************'");
    HR_EXPECT_EQ_STR(hidden("url 'https://h/?a=1&access.key=abc&b=2'"),
                     "url 'https://h/?a=1&access.key=***&b=2'");
    HR_EXPECT_EQ_STR(hidden(""), "");
    HR_EXPECT_EQ_STR(hidden("'://'"), "'://'");
}

HR_TEST(secret_values)
{
    char secret[] = "abc", plain[] = "abc";
    hr_hide_secret_value("some.token", secret, 3);
    hr_hide_secret_value("path", plain, 3);
    HR_EXPECT_EQ_STR(secret, "***");
    HR_EXPECT_EQ_STR(plain, "abc");
}

