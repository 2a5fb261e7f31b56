/* SPDX-License-Identifier: Apache-2.0 */
/* Paths, patterns and what they find: spellings, URIs, hidden names, what is no file. */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <utime.h>

#include "connector/file/file.h"
#include "connector_fixture.h"

static const char *in_dir(struct fixture *f, const char *name)
{
    return hr_arena_printf(&f->arena, "%s/%s", f->dir, name);
}

/* A file with one byte, and the folders above it. */
static const char *put(struct fixture *f, const char *name, int64_t seconds)
{
    const char *path = in_dir(f, name);
    char *folder = hr_arena_strndup(&f->arena, path, (size_t)(strrchr(path, '/') - path));
    if (f->env->vt->mkdirs(f->env, folder, &f->err) ||
        hr_env_write_file(f->env, path, "1", 1, &f->err))
        printf("  %s\n", f->err.msg);
    struct utimbuf times = {seconds, seconds};
    utime(path, &times);
    return path;
}

/* Names below the scratch folder, sorted, or the error's class. */
static const char *find(struct fixture *f, struct file_query query)
{
    struct file_list list = {0};
    const char *text = "", *folder;
    if (hr_file_path(&f->arena, in_dir(f, query.path), &query.path, &f->err) ||
        hr_file_path(&f->arena, f->dir, &folder, &f->err))
        return f->err.msg;
    hr_status status = hr_file_find(f->env, &f->arena, &query, &list, &f->err);
    if (status) return hr_error_info(status)->error_class;
    hr_file_sort(&list, false);
    for (uint32_t i = 0; i < list.count; i++)
        text = hr_arena_printf(&f->arena, "%s%s%s", text, i ? " " : "",
                               list.items[i].path + strlen(folder) + 1);
    return text;
}
#define FIND(f, p, ...) find(f, (struct file_query){.path = (p), __VA_ARGS__})

HR_TEST(file_path_spellings)
{
    struct fixture *f = fixture();
    const struct {
        const char *text, *path; /* NULL: refused */
    } cases[] = {
        {"/a/b", "/a/b"}, {"/a//b/", "/a/b"}, {"/a/./b", "/a/b"}, {"/a/../b", "/b"},
        {"/../b", "/b"}, {"/", "/"}, {"//", "/"}, {"/a/..", "/"}, {"/a/...", "/a/..."},
        {"file:/a b", "/a b"}, {"file:///a%20b", "/a%20b"}, {"FILE:/a", "/a"},
        {"file://localhost/a", "/a"}, {"/a/12:30.json", "/a/12:30.json"},
        {"s3://bucket/x", NULL}, {"hdfs:/x", NULL}, {"gs://b", NULL}, {"http://h/x", NULL},
        {"abfss://c@a/x", NULL}, {"file://host/x", NULL}, {"", NULL}, {"file:", NULL},
    };
    for (size_t i = 0; i < HR_COUNT(cases); i++) {
        const char *path = "untouched";
        hr_status status = hr_file_path(&f->arena, cases[i].text, &path, &f->err);
        if (cases[i].path ? !HR_EXPECT_EQ_STR(path, cases[i].path) : !HR_EXPECT_TRUE(status != 0))
            printf("  %s\n", cases[i].text);
    }
    HR_ASSERT_TRUE(chdir(f->dir) == 0);
    char cwd[4096];
    HR_ASSERT_TRUE(getcwd(cwd, sizeof cwd) != NULL);
    static const char *const relative[] = {"in", "./in", "in/", "x/../in", "file:in", ".//in/."};
    for (size_t i = 0; i < HR_COUNT(relative); i++) {
        const char *path;
        HR_ASSERT_OK(hr_file_path(&f->arena, relative[i], &path, &f->err));
        HR_EXPECT_EQ_STR(path, hr_arena_printf(&f->arena, "%s/in", cwd));
    }
    HR_EXPECT_TRUE(hr_file_within("/a/b", "/a") && hr_file_within("/a", "/a"));
    HR_EXPECT_FALSE(hr_file_within("/ab", "/a") || hr_file_within("/", "/a"));
    fixture_done(f);
}

/* What java.net.URI prints of these paths. */
HR_TEST(file_uris)
{
    struct fixture *f = fixture();
    const struct {
        const char *path, *uri;
    } cases[] = {
        {"/a/part-0.json", "file:///a/part-0.json"},
        {"/a b#c%d?e[f]", "file:///a%20b%23c%25d%3Fe%5Bf%5D"},
        {"/k=y z/x%2Fy", "file:///k=y%20z/x%252Fy"},
        {"/\"\\^`{|}<>", "file:///%22%5C%5E%60%7B%7C%7D%3C%3E"},
        {"/-_.!~*'():@&=+$,;", "file:///-_.!~*'():@&=+$,;"},
        {"/caf\xC3\xA9/\xE2\x82\xAC", "file:///caf\xC3\xA9/\xE2\x82\xAC"},
        {"/\xC2\xA0\xE3\x80\x80", "file:///%C2%A0%E3%80%80"},
        {"/caf\xE9", "file:///caf%E9"},
        {"/a\tb\nc\x7F", "file:///a%09b%0Ac%7F"},
        {"/\xF0\x9F\x98\x80\xF0", "file:///\xF0\x9F\x98\x80%F0"},
    };
    for (size_t i = 0; i < HR_COUNT(cases); i++) {
        struct hr_buf uri = {0};
        const char *back = NULL;
        hr_file_put_uri(cases[i].path, &uri);
        HR_EXPECT_EQ_STR(hr_buf_cstr(&uri), cases[i].uri);
        HR_EXPECT_OK(hr_file_from_uri(&f->arena, hr_buf_cstr(&uri), &back, &f->err));
        HR_EXPECT_EQ_STR(back, cases[i].path);
        hr_buf_done(&uri);
    }
    const char *line = "{\"path\":\"file:/a%20\\u00e9\\ud83d\\ude00\\/\\\"\",\"size\":1}", *text;
    HR_EXPECT_TRUE(hr_file_json_string(&f->arena, hr_sv(line), "path", &text));
    HR_EXPECT_EQ_STR(text, "file:/a%20\xC3\xA9\xF0\x9F\x98\x80/\"");
    static const char *const damaged[] = {"{\"path\":\"a", "{\"path\":\"\\u12", "{\"path\":7}",
                                          "{\"path\":\"\\ud83dx\"}", "{\"path\":\"\\"};
    for (size_t i = 0; i < HR_COUNT(damaged); i++)
        HR_EXPECT_FALSE(hr_file_json_string(&f->arena, hr_sv(damaged[i]), "path", &text));
    fixture_done(f);
}

HR_TEST(file_globs)
{
    struct fixture *f = fixture();
    const struct {
        const char *pattern, *yes, *no; /* names, blank between them */
    } cases[] = {
        {"*.json", "a.json .json", "a.json.tmp json"},
        {"a?c", "abc a.c a\xC3\xA9" "c", "ac abbc"},
        {"[a-c]x", "ax bx cx", "dx x"},
        {"[^a-c]x", "dx", "ax bx x"},
        {"[!a]x", "bx", "ax"},
        {"[a\\-c]x", "ax -x cx", "bx"},
        {"[]a]x", "]x ax", "bx"},
        {"[a-]x", "ax -x", "bx"},
        {"[\xC3\xA0-\xC3\xAF]x", "\xC3\xA9x", "ex"},
        {"{a,b*}.x", "a.x b.x bc.x", "c.x ac.x"},
        {"a{b,c{d,e}}f", "abf acdf acef", "af acf"},
        {"x{,y}", "x xy", "y"},
        {"a\\*b", "a*b", "ab axb"},
        {"\\{a,b\\}", "{a,b}", "a b"},
        {"[{]x", "{x", "x"},
        {"a**b", "ab axxb", "a b"},
        {"*a*a*a*a*a*a*a*b", "aaaaaaab", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    };
    for (size_t i = 0; i < HR_COUNT(cases); i++) {
        struct file_glob glob;
        HR_ASSERT_OK(hr_file_glob_compile(&f->arena, cases[i].pattern, &glob, &f->err));
        for (int want = 0; want < 2; want++) {
            char *save = NULL;
            char *list = hr_arena_strdup(&f->arena, want ? cases[i].yes : cases[i].no);
            for (char *n = strtok_r(list, " ", &save); n; n = strtok_r(NULL, " ", &save))
                if (!HR_EXPECT_TRUE(hr_file_glob_match(&glob, n) == want))
                    printf("  %s on %s\n", cases[i].pattern, n);
        }
    }
    static const char *const bad[] = {"{a", "[a", "a{b,{c}", "{a,[b}", "[^"};
    for (size_t i = 0; i < HR_COUNT(bad); i++) {
        struct file_glob glob;
        HR_EXPECT_EQ_I64(hr_file_glob_compile(&f->arena, bad[i], &glob, &f->err),
                         HR_E_INVALID_ARGUMENT);
    }
    const char *many = "{1,2,3,4,5,6,7,8}{1,2,3,4,5,6,7,8}{1,2,3,4,5,6,7,8}{1,2,3}";
    struct file_glob glob;
    HR_EXPECT_EQ_I64(hr_file_glob_compile(&f->arena, many, &glob, &f->err), HR_E_LIMIT);
    fixture_done(f);
}

HR_TEST(file_find_leaves_out_what_is_no_data)
{
    struct fixture *f = fixture();
    static const char *const names[] = {
        "in/a", "in/_b", "in/.c", "in/d._COPYING_", "in/_k=1/e", "in/_SUCCESS", "in/sub/f",
        "in/sub/deep/g", "in/k=1/h", "in/k=1/sub/i", "in/_temporary/0/j", "in/.hide/k"};
    for (size_t i = 0; i < HR_COUNT(names); i++) put(f, names[i], (int64_t)i);
    HR_ASSERT_TRUE(mkfifo(in_dir(f, "in/fifo"), 0600) == 0);
    HR_ASSERT_TRUE(symlink("nowhere", in_dir(f, "in/dangling")) == 0);
    HR_ASSERT_TRUE(symlink("ring", in_dir(f, "in/ring")) == 0);
    HR_ASSERT_TRUE(symlink("..", in_dir(f, "in/sub/up")) == 0);
    HR_ASSERT_TRUE(symlink("/dev/zero", in_dir(f, "in/device")) == 0);
    HR_ASSERT_TRUE(symlink("../in/a", in_dir(f, "in/link")) == 0);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s", in_dir(f, "in/socket"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    HR_ASSERT_TRUE(bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
    close(fd);
    HR_EXPECT_EQ_STR(FIND(f, "in"), "in/a in/link in/_k=1/e in/k=1/h in/k=1/sub/i");
    HR_EXPECT_EQ_STR(FIND(f, "in", .recursive = true),
                     "in/a in/link in/_k=1/e in/sub/f in/sub/deep/g in/k=1/h in/k=1/sub/i");
    HR_EXPECT_EQ_STR(FIND(f, "in/*"), "in/a in/link in/_k=1/e in/sub/f in/k=1/h");
    HR_EXPECT_EQ_STR(FIND(f, "in/_b"), "in/_b"); /* by its name */
    HR_EXPECT_EQ_STR(FIND(f, "in/.hide/k"), "in/.hide/k");
    HR_EXPECT_EQ_STR(FIND(f, "in/fifo"), "HR_INVALID_ARGUMENT");
    HR_EXPECT_EQ_STR(FIND(f, "in/dangling"), "PATH_NOT_FOUND");
    HR_EXPECT_EQ_STR(FIND(f, "in/nothing*"), "PATH_NOT_FOUND");
    HR_EXPECT_EQ_STR(FIND(f, "in", .skip_dir = in_dir(f, "in/sub"), .recursive = true),
                     "in/a in/link in/_k=1/e in/k=1/h in/k=1/sub/i");
    fixture_done(f);
}

HR_TEST(file_find_filters_and_odd_names)
{
    struct fixture *f = fixture();
    put(f, "x[1]/a.json", 10);
    put(f, "x1/b.json", 20);
    put(f, "y{1}/c.txt", 30);
    put(f, "z*/d.json", 40);
    HR_EXPECT_EQ_STR(FIND(f, "x[1]"), "x1/b.json");
    HR_EXPECT_EQ_STR(FIND(f, "x\\[1\\]"), "x[1]/a.json");
    HR_EXPECT_EQ_STR(FIND(f, "y{1}"), "y{1}/c.txt"); /* matches nothing: the folder of that name */
    HR_EXPECT_EQ_STR(FIND(f, "z\\*"), "z*/d.json");
    HR_EXPECT_EQ_STR(FIND(f, "{x1,y{1}}/*"), "x1/b.json");
    HR_EXPECT_EQ_STR(FIND(f, "{x1/b,z*/d}.json"), "x1/b.json z*/d.json");
    const char *json[] = {"*.json"};
    int64_t twenty = 20000000;
    HR_EXPECT_EQ_STR(FIND(f, "*", .name_filter = {json, 1, 1}),
                     "x[1]/a.json x1/b.json z*/d.json");
    HR_EXPECT_EQ_STR(FIND(f, "*", .modified_before_us = &twenty), "x[1]/a.json");
    HR_EXPECT_EQ_STR(FIND(f, "*", .modified_after_us = &twenty), "y{1}/c.txt z*/d.json");
    fixture_done(f);
}

/* A writer that has the file open is waited for; so is one with nothing in it. */
HR_TEST(file_stream_waits_for_the_writer)
{
    struct fixture *f = fixture();
    put(f, "in/empty", 0);
    HR_ASSERT_TRUE(truncate(in_dir(f, "in/empty"), 0) == 0);
    struct hr_source *s = open_source(f, "text", NULL, true, OPTS("path", in_dir(f, "in")));
    HR_ASSERT_TRUE(s != NULL);
    int fd = open(in_dir(f, "in/half"), O_CREAT | O_WRONLY, 0600);
    HR_ASSERT_TRUE(write(fd, "one", 3) == 3);
    HR_EXPECT_EQ_STR(latest(f, s, NULL), "{\"logOffset\":-1}");
    HR_ASSERT_TRUE(write(fd, "two", 3) == 3);
    close(fd);
    const char *first = latest(f, s, NULL);
    HR_EXPECT_EQ_STR(read_range(f, s, NULL, first, NULL), "{\"value\":\"onetwo\"}\n");
    put(f, "in/empty", hr_now_us(f->env) / 1000000);
    const char *second = latest(f, s, first);
    HR_EXPECT_EQ_STR(read_range(f, s, first, second, NULL), "{\"value\":\"1\"}\n");
    s->vt->close(s);
    fixture_done(f);
}

/* The backlog is aged by what was processed: every file of a long one is taken. */
HR_TEST(file_stream_backlog)
{
    struct fixture *f = fixture();
    const int64_t day = 86400;
    for (int i = 1; i <= 9; i++)
        put(f, hr_arena_printf(&f->arena, "in/%d", i), 1700000000 + i * 3 * day);
    struct hr_source *s = open_source(f, "text", NULL, true,
                                      OPTS("path", in_dir(f, "in"), "maxFilesPerTrigger", "1"));
    HR_ASSERT_TRUE(s != NULL);
    const char *offset = "{\"logOffset\":-1}";
    for (int i = 0; i < 9; i++) {
        offset = latest(f, s, offset);
        HR_EXPECT_EQ_STR(offset, hr_arena_printf(&f->arena, "{\"logOffset\":%d}", i));
    }
    put(f, "in/late", 1700000000 + 15 * day); /* 12 days older than what was read last */
    put(f, "in/less", 1700000000 + 21 * day);
    offset = latest(f, s, offset);
    HR_EXPECT_EQ_STR(latest(f, s, offset), offset);
    s->vt->close(s);
    fixture_done(f);
}

HR_TEST(file_stream_folder_that_comes_later)
{
    struct fixture *f = fixture();
    struct hr_source *s = open_source(f, "text", NULL, true, OPTS("path", in_dir(f, "later/in")));
    HR_ASSERT_TRUE(s != NULL);
    HR_EXPECT_EQ_STR(latest(f, s, NULL), "{\"logOffset\":-1}");
    put(f, "later/in/a", 0);
    HR_EXPECT_EQ_STR(latest(f, s, NULL), "{\"logOffset\":0}");
    s->vt->close(s);
    fixture_done(f);
}

/* Where archived files could be read again, the archive is refused. */
HR_TEST(file_archive_beside_the_source)
{
    struct fixture *f = fixture();
    const struct {
        const char *source, *archive;
        bool fine;
    } cases[] = {{"in", "in/old", false}, {"in", "in", false}, {"a/in", "a", false},
                 {"in", "./x/../in/old", false}, {"*", "old", false}, {"in/*.json", "in/old", true},
                 {"in", "old", true}, {"{in,old}", "old", false}, {"in", "inner", true}};
    for (size_t i = 0; i < HR_COUNT(cases); i++) {
        struct hr_source *s = open_source(f, "text", NULL, true,
                                          OPTS("path", in_dir(f, cases[i].source), "cleanSource",
                                               "archive", "sourceArchiveDir",
                                               in_dir(f, cases[i].archive)));
        if (!HR_EXPECT_TRUE((s != NULL) == cases[i].fine)) printf("  %s\n", cases[i].archive);
        if (s) s->vt->close(s);
    }
    fixture_done(f);
}

struct committer {
    struct fixture *f;
    _Atomic bool done;
};

static void *commit_epochs(void *arg)
{
    struct committer *c = arg;
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    for (int64_t epoch = 0; epoch < 300; epoch++) {
        struct file_entry entry = {.path = "/x/y z", .size = 1, .offset = -1};
        struct file_list list = {&entry, 1, 1};
        if (hr_file_manifest_write(c->f->env, &arena, c->f->dir, epoch, &list, false, NULL))
            abort();
    }
    hr_arena_done(&arena);
    c->done = true;
    return NULL;
}

/* Compactions under way never hide an epoch that was seen. */
HR_TEST(file_manifest_read_during_compaction)
{
    struct committer c = {.f = fixture()};
    pthread_t thread;
    HR_ASSERT_OK(hr_thread_start(&thread, "writer", commit_epochs, &c, &c.f->err));
    uint32_t last = 0;
    for (bool done = false; !done;) {
        struct file_list list = {0};
        struct hr_arena arena;
        bool found;
        done = c.done;
        hr_arena_init(&arena, NULL);
        HR_EXPECT_OK(hr_file_manifest_read(c.f->env, &arena, c.f->dir, &list, &found, &c.f->err));
        HR_EXPECT_TRUE(list.count >= last);
        last = list.count;
        hr_arena_done(&arena);
    }
    HR_EXPECT_EQ_I64(last, 300);
    pthread_join(thread, NULL);
    /* A gap is not taken for an epoch without rows. */
    struct file_list list = {0};
    bool found;
    HR_EXPECT_OK(c.f->env->vt->unlink(c.f->env, in_dir(c.f, "_spark_metadata/299.compact"), NULL));
    HR_EXPECT_OK(c.f->env->vt->unlink(c.f->env, in_dir(c.f, "_spark_metadata/295"), NULL));
    HR_EXPECT_EQ_I64(hr_file_manifest_read(c.f->env, &c.f->arena, c.f->dir, &list, &found,
                                           &c.f->err), HR_E_CHECKPOINT_CORRUPT);
    fixture_done(c.f);
}
