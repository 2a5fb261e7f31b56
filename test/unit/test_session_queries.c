/* SPDX-License-Identifier: Apache-2.0 */
/* A session's queries are listed, found and stopped by other threads while it starts more. */
#include "hr_test.h"
#include "session/internal.h"

#define QUERIES 12

struct watch {
    struct hr_session *session;
    _Atomic bool stop;
    uint32_t most;
};

/* @thread its own: each look sees no fewer queries than the one before, all of them usable. */
static void *look(void *arg)
{
    struct watch *watch = arg;
    uint32_t seen = 0;
    while (!watch->stop) {
        struct hr_query *query;
        uint32_t count = 0;
        for (; (query = hr_registry_at(&watch->session->queries, count)) != NULL; count++) {
            char name[16];
            snprintf(name, sizeof name, "Q%u", count);
            HR_EXPECT_TRUE(hr_str_eq_nocase(hr_query_name(query), name));
            struct hr_query *same =
                hr_registry_find(&watch->session->queries, hr_query_id(query));
            if (same) HR_EXPECT_TRUE(same == query); /* NULL: it was stopped already */
            if (count % 2) hr_query_stop(query, true);
            hr_query_unref(same);
            hr_query_unref(query);
        }
        HR_EXPECT_TRUE(count >= seen);
        seen = count;
    }
    watch->most = seen;
    return NULL;
}

HR_TEST(queries_are_seen_from_other_threads)
{
    struct hr_session *session;
    struct hr_err err;
    hr_err_init(&err);
    HR_ASSERT_OK(hr_session_new(NULL, &session, &err));
    struct watch watch = {.session = session};
    pthread_t thread;
    HR_ASSERT_OK(hr_thread_start(&thread, "look", look, &watch, &err));
    struct hr_result result;
    HR_ASSERT_OK(hr_session_sql(session, hr_sv("CREATE TABLE r USING rate"), &result, &err));
    hr_result_done(&result);
    for (int i = 0; i < QUERIES; i++) {
        char text[128];
        snprintf(text, sizeof text,
                 "CREATE STREAMING TABLE q%d USING noop AS SELECT value FROM STREAM r", i);
        HR_ASSERT_OK(hr_session_sql(session, hr_sv(text), &result, &err));
        hr_result_done(&result);
    }
    struct hr_query *first = hr_registry_find(&session->queries, "Q0");
    HR_ASSERT_TRUE(first != NULL);
    HR_EXPECT_TRUE(hr_registry_find(&session->queries, "nobody") == NULL);
    watch.stop = true;
    pthread_join(thread, NULL);
    HR_EXPECT_TRUE(watch.most <= QUERIES);
    HR_EXPECT_EQ_I64(hr_registry_count(&session->queries), QUERIES);
    hr_query_stop(first, true);
    hr_status ended = HR_OK;
    HR_EXPECT_TRUE(hr_query_await(first, -1, &ended, &err));
    HR_EXPECT_FALSE(hr_query_is_active(first)); /* ended, and still ours to ask */
    hr_query_unref(first);
    hr_session_free(session);
}
