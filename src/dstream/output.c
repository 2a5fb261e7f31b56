/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs: foreachRDD, print, saveAsTextFiles. */
#include <stdio.h>

#include "dstream/dstream.h"

hr_status hr_dstream_foreach_rdd(struct hr_dstream *in, hr_foreach_rdd_fn fn, void *arg,
                                 struct hr_err *err)
{
    if (!in) return err && err->code ? err->code : HR_FAIL(err, HR_E_INVALID_ARGUMENT, "no stream");
    if (!fn) return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "foreach_rdd without a function");
    return hr_ds_output_add(in, fn, arg, NULL, err);
}

struct print_arg {
    uint32_t n;
};

static hr_status print_rdd(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    const struct print_arg *p = arg;
    struct hr_buf text = {0};
    struct hr_rows *rows = hr_rdd_take(rdd, (uint64_t)p->n + 1, err);
    if (!rows) return err->code;
    uint32_t n = 0;
    hr_buf_printf(&text,
                  "-------------------------------------------\nTime: %lld ms\n"
                  "-------------------------------------------\n",
                  (long long)(time_us / 1000));
    for (const struct hr_row *row; n < p->n && (row = hr_rows_next(rows)); n++) {
        hr_row_put(row, &text);
        hr_buf_putc(&text, '\n');
    }
    if (hr_rows_count(rows) > p->n) hr_buf_puts(&text, "...\n");
    hr_buf_putc(&text, '\n');
    hr_status status = hr_buf_status(&text, err);
    if (status == HR_OK &&
        (fwrite(text.ptr, 1, text.len, stdout) != text.len || fflush(stdout) != 0))
        status = HR_FAIL(err, HR_E_IO, "standard output cannot be written");
    hr_buf_done(&text);
    hr_rows_free(rows);
    return status;
}

hr_status hr_dstream_print(struct hr_dstream *in, uint32_t n, struct hr_err *err)
{
    if (!in) return hr_dstream_foreach_rdd(in, NULL, NULL, err);
    struct print_arg *p = hr_alloc(sizeof *p);
    if (!p) return HR_OOM(err);
    p->n = n;
    hr_status status = hr_ds_output_add(in, print_rdd, p, hr_free, err);
    if (status != HR_OK) hr_free(p);
    return status;
}

#define BATCH_FILE "_headrace" /* in the folder: whose batch it is, with a checkpoint */

struct save_arg {
    char *prefix, *suffix;
    const struct hr_dstream *in;
};

static void save_free(void *arg)
{
    struct save_arg *s = arg;
    hr_free(s->prefix);
    hr_free(s->suffix);
    hr_free(s);
}

static bool says(struct hr_env *env, const char *path, const struct hr_buf *text)
{
    struct hr_buf file = {0};
    bool same = hr_env_exists(env, path) && hr_env_read_file(env, path, &file, NULL) == HR_OK &&
                file.len == text->len && memcmp(file.ptr, text->ptr, file.len) == 0;
    hr_buf_done(&file);
    return same;
}

static hr_status save_rdd(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    const struct save_arg *s = arg;
    const struct hr_streaming *ssc = s->in->ssc;
    struct hr_env *env = ssc->ctx->env;
    struct hr_buf path = {0}, file = {0}, mine = {0};
    hr_buf_printf(&path, "%s%s%lld%s%s", s->prefix, s->prefix[0] ? "-" : "",
                  (long long)(time_us / 1000), s->suffix[0] ? "." : "", s->suffix);
    hr_buf_printf(&file, "%s/" BATCH_FILE, hr_buf_cstr(&path));
    if (ssc->checkpoint_dir)
        hr_buf_printf(&mine, "checkpoint %s stream %u\n", ssc->checkpoint_id, s->in->id);
    hr_status status = hr_buf_status(&path, err);
    /* A batch that is run again after a restart has the same name: what this checkpoint's batch
     * has written whole stays, so that it is written once. Anything else goes, as with Spark. */
    if (status == HR_OK && !(mine.len && says(env, hr_buf_cstr(&file), &mine))) {
        status = hr_env_remove_tree(env, hr_buf_cstr(&path), err);
        if (status == HR_OK) status = hr_rdd_save_as_text_file(rdd, hr_buf_cstr(&path), err);
        if (status == HR_OK && mine.len)
            status = hr_env_write_file(env, hr_buf_cstr(&file), mine.ptr, mine.len, err);
    }
    hr_buf_done(&path);
    hr_buf_done(&file);
    hr_buf_done(&mine);
    return status;
}

hr_status hr_dstream_save_as_text_files(struct hr_dstream *in, const char *prefix,
                                        const char *suffix, struct hr_err *err)
{
    if (!in) return hr_dstream_foreach_rdd(in, NULL, NULL, err);
    struct save_arg *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    s->in = in;
    s->prefix = hr_strdup(prefix ? prefix : "");
    s->suffix = hr_strdup(suffix ? suffix : "");
    hr_status status =
        s->prefix && s->suffix ? hr_ds_output_add(in, save_rdd, s, save_free, err) : HR_OOM(err);
    if (status != HR_OK) save_free(s);
    return status;
}
