/* SPDX-License-Identifier: Apache-2.0 */
/* Libraries that are opened late: one that is there, one that is not, one without a function. */
#include "base/late.h"
#include "hr_test.h"

static const char *const names[] = {"cos", "sin"};
static const char *const wrong[] = {"cos", "hr_no_such_function"};

HR_TEST(late_opens)
{
    void *functions[2] = {NULL, NULL};
    struct hr_late late = {"libm.so.6", names, functions, 2, false};
    struct hr_err err;
    hr_err_init(&err);
    HR_ASSERT_OK(hr_late_open(&late, &err));
    HR_ASSERT_OK(hr_late_open(&late, &err));
    double (*cosine)(double) = (double (*)(double))functions[0];
    HR_EXPECT_TRUE(cosine(0) == 1.0);
}

HR_TEST(late_says_what_is_missing)
{
    void *functions[2] = {NULL, NULL};
    struct hr_err err;
    hr_err_init(&err);
    struct hr_late none = {"libhr_none.so.7", names, functions, 2, false};
    HR_EXPECT_TRUE(hr_late_open(&none, &err) == HR_E_NOT_SUPPORTED);
    HR_EXPECT_TRUE(strstr(err.msg, "libhr_none.so.7") != NULL);
    struct hr_late other = {"libm.so.6", wrong, functions, 2, false};
    HR_EXPECT_TRUE(hr_late_open(&other, &err) == HR_E_NOT_SUPPORTED);
    HR_EXPECT_TRUE(strstr(err.msg, "hr_no_such_function") != NULL && !other.is_open);
}
