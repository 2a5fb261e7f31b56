/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of connectors share: options from pairs, sources read to JSON lines, sinks fed
 * from JSON lines. */
#ifndef HR_TEST_CONNECTOR_FIXTURE_H
#define HR_TEST_CONNECTOR_FIXTURE_H

#include "base/datetime.h"
#include "base/env.h"
#include "column/type_parse.h"
#include "connector/connector.h"
#include "format/format.h"
#include "hr_test.h"

struct fixture {
    struct hr_arena arena;
    struct hr_options options;
    struct hr_conf conf;
    struct hr_err err;
    struct hr_env *env;
    const char *dir; /* a scratch folder, new for every test */
    struct hr_buf text, offset;
    _Atomic int64_t malformed;
};

__attribute__((unused)) static struct fixture *fixture(void)
{
    static struct fixture f;
    memset(&f, 0, sizeof f);
    hr_arena_init(&f.arena, NULL);
    hr_err_init(&f.err);
    f.env = hr_env_default();
    f.conf = (struct hr_conf){.ansi = true, .tz = hr_tz_utc(), .batch_rows = HR_BATCH_ROWS,
                              .threads = 2, .shuffle_partitions = 4};
    static char dir[] = "/tmp/hr_connector_XXXXXX";
    snprintf(dir, sizeof dir, "/tmp/hr_connector_XXXXXX");
    f.dir = mkdtemp(dir);
    return &f;
}

__attribute__((unused)) static void fixture_done(struct fixture *f)
{
    if (hr_env_remove_tree(f->env, f->dir, &f->err)) printf("  cleanup: %s\n", f->err.msg);
    hr_buf_done(&f->text);
    hr_buf_done(&f->offset);
    hr_arena_done(&f->arena);
}

__attribute__((unused)) static const struct hr_options *with(struct fixture *f,
                                                             const char *const *pairs)
{
    hr_options_init(&f->options, &f->arena);
    for (; pairs && *pairs; pairs += 2)
        if (hr_options_put(&f->options, pairs[0], pairs[1], NULL)) abort();
    return &f->options;
}
#define OPTS(...) ((const char *const[]){__VA_ARGS__, NULL})

__attribute__((unused)) static const struct hr_type *ddl(struct fixture *f, const char *text)
{
    const struct hr_type *type = NULL;
    if (text && hr_schema_parse(hr_sv(text), &type, &f->err)) printf("  %s\n", f->err.msg);
    return type;
}

__attribute__((unused)) static struct hr_source *open_source(struct fixture *f, const char *name,
                                                             const char *schema, bool streaming,
                                                             const char *const *pairs)
{
    struct hr_source *source = NULL;
    const struct hr_source_vt *vt = hr_source_find(name);
    if (!HR_EXPECT_TRUE(vt != NULL)) return NULL;
    struct hr_source_args args = {.env = f->env, .conf = &f->conf, .options = with(f, pairs),
                                  .schema = ddl(f, schema), .streaming = streaming,
                                  .query_name = "q"};
    args.checkpoint_dir = streaming ? hr_arena_printf(&f->arena, "%s/checkpoint", f->dir) : NULL;
    if (vt->open(&args, &source, &f->err)) return NULL;
    return source;
}

__attribute__((unused)) static hr_status batch_to_json(struct fixture *f,
                                                       const struct hr_batch *batch,
                                                       struct hr_buf *out)
{
    const struct hr_format_vt *json = hr_format_find("json");
    struct hr_options options;
    struct hr_encoder *encoder;
    hr_options_init(&options, &f->arena);
    struct hr_format_args args = {.options = &options, .schema = batch->schema};
    HR_TRY(json->encoder_open(&args, &encoder, &f->err));
    HR_TRY(hr_batch_verify(batch, &f->err));
    HR_TRY(json->encode(encoder, batch, out, NULL, &f->err));
    json->encoder_close(encoder);
    return HR_OK;
}

__attribute__((unused)) static hr_status read_split(struct fixture *f, struct hr_source *source,
                                                    const struct hr_split *split,
                                                    const struct hr_type *wanted)
{
    struct hr_scan_spec spec = {.schema = wanted, .batch_rows = f->conf.batch_rows,
                                .malformed_rows = &f->malformed};
    struct hr_scan_reader *reader;
    HR_TRY(source->vt->open_reader(source, split, &spec, &reader, &f->err));
    hr_status status = HR_OK;
    for (;;) {
        struct hr_batch *batch = NULL;
        status = reader->vt->next(reader, &batch, &f->err);
        if (status || !batch) break;
        status = batch_to_json(f, batch, &f->text);
        hr_batch_unref(batch);
        if (status) break;
    }
    reader->vt->close(reader);
    return status;
}

/* Rows of [start, end) as JSON lines, or the error's text. Borrowed until the next call. */
__attribute__((unused)) static const char *read_range(struct fixture *f, struct hr_source *source,
                                                      const char *start, const char *end,
                                                      const char *columns)
{
    struct hr_split *splits;
    uint32_t count;
    hr_buf_clear(&f->text);
    if (!source) return f->err.msg;
    hr_status status = source->vt->plan_splits(source, start, end, &f->arena, &splits, &count,
                                               &f->err);
    const struct hr_type *wanted = columns ? ddl(f, columns) : source->schema;
    for (uint32_t i = 0; !status && i < count; i++)
        status = read_split(f, source, &splits[i], wanted);
    if (status) {
        hr_buf_clear(&f->text);
        hr_buf_printf(&f->text, "error %s: %s", hr_error_info(status)->error_class, f->err.msg);
    }
    return hr_buf_cstr(&f->text);
}

__attribute__((unused)) static const char *latest(struct fixture *f, struct hr_source *source,
                                                  const char *start)
{
    char *from = start ? hr_arena_strdup(&f->arena, start) : NULL;
    hr_buf_clear(&f->offset);
    if (source->vt->latest_offset(source, from, NULL, &f->offset, &f->err)) return f->err.msg;
    return hr_arena_strdup(&f->arena, hr_buf_cstr(&f->offset));
}

__attribute__((unused)) static const char *initial(struct fixture *f, struct hr_source *source)
{
    hr_buf_clear(&f->offset);
    if (source->vt->initial_offset(source, &f->offset, &f->err)) return f->err.msg;
    return hr_arena_strdup(&f->arena, hr_buf_cstr(&f->offset));
}

__attribute__((unused)) static struct hr_sink *open_sink(struct fixture *f, const char *name,
                                                         const char *schema, bool streaming,
                                                         enum hr_output_mode mode,
                                                         const char *const *pairs)
{
    struct hr_sink *sink = NULL;
    const struct hr_sink_vt *vt = hr_sink_find(name);
    if (!HR_EXPECT_TRUE(vt != NULL)) return NULL;
    struct hr_sink_args args = {.env = f->env, .conf = &f->conf, .options = with(f, pairs),
                                .schema = ddl(f, schema), .mode = mode, .streaming = streaming,
                                .query_id = "id", .query_name = "q"};
    if (vt->open(&args, &sink, &f->err)) return NULL;
    return sink;
}

__attribute__((unused)) static struct hr_batch *json_batch(struct fixture *f, const char *schema,
                                                           const char *lines)
{
    struct hr_options options;
    struct hr_decoder *dec;
    struct hr_batch *batch = NULL;
    hr_options_init(&options, &f->arena);
    const struct hr_format_vt *json = hr_format_find("json");
    struct hr_format_args args = {.options = &options, .schema = ddl(f, schema)};
    /* The record behind the last newline would come in a batch of its own. */
    struct hr_buffer *buffer = hr_buffer_new(strlen(lines) + 1);
    memcpy(buffer->data, lines, strlen(lines));
    buffer->data[strlen(lines)] = '\n';
    if (json->decoder_open(&args, &dec, &f->err) ||
        json->feed(dec, buffer, buffer->data, buffer->size, true, &f->err) ||
        json->next(dec, &batch, &f->err))
        printf("  %s\n", f->err.msg);
    json->decoder_close(dec);
    hr_buffer_unref(buffer);
    return batch;
}

/* One epoch with the lines in one partition. */
__attribute__((unused)) static hr_status write_epoch(struct fixture *f, struct hr_sink *sink,
                                                     int64_t epoch, const char *schema,
                                                     const char *lines)
{
    bool committed = false;
    struct hr_buf message = {0};
    struct hr_sink_writer *writer;
    HR_TRY(sink->vt->begin_epoch(sink, epoch, &committed, &f->err));
    if (committed) return HR_E_EXISTS;
    HR_TRY(sink->vt->open_writer(sink, epoch, 0, 0, &writer, &f->err));
    struct hr_batch *batch = json_batch(f, schema, lines);
    hr_status status = batch ? writer->vt->write(writer, batch, &f->err) : HR_OK;
    hr_batch_unref(batch);
    if (!status) status = writer->vt->finish(writer, &message, &f->err);
    writer->vt->close(writer);
    struct hr_str_view view = {message.ptr, message.len};
    if (!status) status = sink->vt->commit_epoch(sink, epoch, &view, 1, &f->err);
    hr_buf_done(&message);
    return status;
}

#endif
