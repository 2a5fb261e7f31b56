/* SPDX-License-Identifier: Apache-2.0 */
/* What every connector should be tested for, on the one that is there to be copied. */
#include "connector_fixture.h"

HR_TEST(template_source)
{
    struct fixture *f = fixture();
    struct hr_source *s = open_source(f, "template", NULL, true, OPTS("limit", "3"));
    HR_ASSERT_TRUE(s != NULL);
    const char *start = initial(f, s), *end = latest(f, s, start);
    HR_EXPECT_EQ_STR(read_range(f, s, start, end, NULL),
                     "{\"number\":0}\n{\"number\":1}\n{\"number\":2}\n");
    HR_EXPECT_EQ_STR(read_range(f, s, "1", "2", NULL), "{\"number\":1}\n"); /* again, the same */
    HR_EXPECT_EQ_STR(latest(f, s, end), end);                               /* no more */
    s->vt->close(s);
    HR_EXPECT_TRUE(open_source(f, "template", "x STRING", true, NULL) == NULL);
    HR_EXPECT_TRUE(open_source(f, "template", NULL, true, OPTS("limit", "many")) == NULL);
    HR_EXPECT_EQ_I64(f->err.code, HR_E_INVALID_OPTION);
    fixture_done(f);
}

HR_TEST(template_sink)
{
    struct fixture *f = fixture();
    struct hr_sink *sink = open_sink(f, "template", "a INT", true, HR_MODE_APPEND, NULL);
    HR_ASSERT_TRUE(sink != NULL);
    HR_EXPECT_OK(write_epoch(f, sink, 0, "a INT", "{\"a\":1}"));
    HR_EXPECT_EQ_I64(write_epoch(f, sink, 0, "a INT", "{\"a\":1}"), HR_E_EXISTS);
    sink->vt->close(sink);
    fixture_done(f);
}
