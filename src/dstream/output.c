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

struct save_arg {
    char *prefix, *suffix;
};

static void save_free(void *arg)
{
    struct save_arg *s = arg;
    hr_free(s->prefix);
    hr_free(s->suffix);
    hr_free(s);
}

static hr_status save_rdd(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    const struct save_arg *s = arg;
    struct hr_env *env = hr_node_of(rdd)->ctx->env;
    struct hr_buf path = {0}, done = {0};
    hr_buf_printf(&path, "%s%s%lld%s%s", s->prefix, s->prefix[0] ? "-" : "",
                  (long long)(time_us / 1000), s->suffix[0] ? "." : "", s->suffix);
    hr_buf_printf(&done, "%s/_SUCCESS", hr_buf_cstr(&path));
    hr_status status = hr_buf_status(&path, err);
    /* A batch that is run again after a restart has the same name: what is whole stays, what is
     * half is written anew. So the files are written exactly once. */
    if (status == HR_OK && !hr_env_exists(env, hr_buf_cstr(&done))) {
        status = hr_env_remove_tree(env, hr_buf_cstr(&path), err);
        if (status == HR_OK) status = hr_rdd_save_as_text_file(rdd, hr_buf_cstr(&path), err);
    }
    hr_buf_done(&path);
    hr_buf_done(&done);
    return status;
}

hr_status hr_dstream_save_as_text_files(struct hr_dstream *in, const char *prefix,
                                        const char *suffix, struct hr_err *err)
{
    if (!in) return hr_dstream_foreach_rdd(in, NULL, NULL, err);
    struct save_arg *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    s->prefix = hr_strdup(prefix ? prefix : "");
    s->suffix = hr_strdup(suffix ? suffix : "");
    hr_status status =
        s->prefix && s->suffix ? hr_ds_output_add(in, save_rdd, s, save_free, err) : HR_OOM(err);
    if (status != HR_OK) save_free(s);
    return status;
}
