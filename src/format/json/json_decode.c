/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON format as the engine sees it: blocks of bytes are cut into whole lines, lines become
 * rows, damaged records go the way that the mode says.
 *
 * A block is decoded where it lies; only a record that a block's end cuts is copied (the carry)
 * and put together with its rest. Batches never span blocks: rows do not wait for the next feed.
 */
#include <stdio.h>

#include "base/utf8.h"
#include "format/json/json.h"

#define ARRAY_ROWS_MAX (1u << 20)
#define SLACK 64 /* readable bytes behind the input, for vector loads */

static struct json_decoder *decoder(struct hr_decoder *base)
{
    return HR_CONTAINER_OF(base, struct json_decoder, base);
}

static void json_decoder_close(struct hr_decoder *base)
{
    if (!base) return;
    struct json_decoder *d = decoder(base);
    hr_batch_unref(d->batch);
    hr_batch_unref(d->pending);
    hr_json_schema_done(d);
    hr_buffer_unref(d->buffer);
    hr_buffer_unref(d->carry_buffer);
    hr_buf_done(&d->carry);
    hr_free(d->shapes);
    hr_arena_done(&d->arena);
    hr_free(d);
}

static hr_status compile_format(struct json_decoder *d, const char *pattern,
                                const struct hr_time_format **ret, struct hr_err *err)
{
    struct hr_time_format *format = NULL;
    if (!pattern) return HR_OK;
    HR_TRY(hr_time_format_compile(&d->arena, hr_sv(pattern), &format, err));
    *ret = format;
    return HR_OK;
}

static hr_status decoder_setup(struct json_decoder *d, const struct hr_format_args *args,
                               struct hr_err *err)
{
    struct json_options *o = &d->options;
    HR_TRY(hr_options_parse(hr_json_options.specs, hr_json_options.count, args->options, o, err));
    if (args->bad && !hr_options_get(args->options, "mode")) o->mode = JSON_DROPMALFORMED;
    /* The caller's options may not outlive us. */
    if (!(o->corrupt_name = hr_arena_strdup(&d->arena, o->corrupt_name))) return HR_OOM(err);
    if (o->line_sep && !(o->line_sep = hr_arena_strdup(&d->arena, o->line_sep)))
        return HR_OOM(err);
    if (o->line_sep && !*o->line_sep)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option lineSep: must not be empty");
    if (o->line_sep && strcmp(o->line_sep, "\n") == 0) o->line_sep = NULL;
    d->tz = args->conf && args->conf->tz ? args->conf->tz : hr_tz_utc();
    if (o->zone && !(d->tz = hr_tz_find(hr_sv(o->zone))))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option timeZone: unknown zone %s", o->zone);
    HR_TRY(compile_format(d, o->timestamp_format, &d->timestamp_format, err));
    HR_TRY(compile_format(d, o->timestamp_ntz_format, &d->timestamp_ntz_format, err));
    HR_TRY(compile_format(d, o->date_format, &d->date_format, err));
    HR_TRY(hr_json_schema_init(d, err));
    d->strict_only = o->comments || o->unquoted_names || o->leading_zeros || o->any_backslash ||
                     o->control_chars || o->multi_line || o->line_sep;
    d->isa = d->strict_only ? NULL : hr_json_isa();
    if (d->isa && !(d->shapes = d->isa->shapes_new())) return HR_OOM(err);
    return HR_OK;
}

extern const struct hr_format_vt hr_format_json;

static hr_status json_decoder_open(const struct hr_format_args *args, struct hr_decoder **ret,
                                   struct hr_err *err)
{
    struct json_decoder *d = hr_zalloc(sizeof *d);
    if (!d) return HR_OOM(err);
    d->base.vt = &hr_format_json;
    hr_arena_init(&d->arena, args->mem);
    d->conf = args->conf;
    d->mem = args->mem;
    d->malformed_rows = args->malformed_rows;
    d->bad = args->bad;
    d->wanted = args->wanted ? args->wanted : args->schema;
    d->batch_rows = args->batch_rows ? args->batch_rows : HR_BATCH_ROWS;
    d->record_bytes = 128;
    const char *origin = hr_arena_strdup(&d->arena, args->origin ? args->origin : "the input");
    hr_status status = origin ? decoder_setup(d, args, err) : HR_OOM(err);
    d->origin = origin;
    if (status) {
        json_decoder_close(&d->base);
        return status;
    }
    hr_buf_init(&d->carry, (size_t)d->options.max_record_bytes + 1);
    *ret = &d->base;
    return HR_OK;
}

/* --- Input ------------------------------------------------------------------------------------ */

/* A buffer of ours with a newline and slack behind the bytes. */
static struct hr_buffer *copy_padded(const char *data, size_t size)
{
    struct hr_buffer *copy = hr_buffer_new(size + 1);
    if (!copy) return NULL;
    if (size) memcpy(copy->data, data, size);
    copy->data[size] = '\n';
    return copy;
}

static void carry_append(struct json_decoder *d, const char *data, size_t size)
{
    size_t room = (size_t)d->options.max_record_bytes - d->carry.len;
    if (!d->carry.len && !d->carry_overlong) d->carry_at = d->block_at + (data - d->block);
    if (size > room) {
        d->carry_overlong = true;
        size = room;
    }
    hr_buf_append(&d->carry, data, size);
}

/* The block's lines become [pos, end), what is behind its last newline [rest, rest_end). */
static hr_status json_feed(struct hr_decoder *base, struct hr_buffer *buffer, const char *data,
                           size_t size, bool last, struct hr_err *err)
{
    struct json_decoder *d = decoder(base);
    if (d->pos < d->end || d->rest < d->rest_end)
        return HR_BUG(err, "JSON decoder fed before it was drained");
    struct hr_buffer *held = NULL;
    if (buffer && size) {
        /* Foreign memory may end at a page's end. */
        bool padded = !buffer->free_fn && data >= buffer->data &&
                      data + size <= buffer->data + buffer->size;
        if (padded) {
            held = hr_buffer_ref(buffer);
        } else if ((held = copy_padded(data, size))) {
            data = held->data;
        } else {
            return HR_OOM(err);
        }
    }
    hr_buffer_unref(d->buffer);
    d->buffer = held;
    d->block = data;
    d->block_size = size;
    d->block_at = d->fed;
    d->fed += (int64_t)size;
    d->pos = d->end = data;
    d->rest = data;
    d->rest_end = data + size;
    d->last = last;
    if (!d->options.multi_line && !d->options.line_sep && size) {
        const char *newline = memrchr(data, '\n', size);
        if (newline) d->end = d->rest = newline + 1;
    }
    return HR_OK;
}

/* --- Records ---------------------------------------------------------------------------------- */

static hr_status fail_fast(struct json_decoder *d, const char *p, const char *end,
                           struct hr_err *err)
{
    char text[260];
    size_t len = (size_t)(end - p);
    if (len > 256) len = 256;
    snprintf(text, sizeof text, "%.*s", (int)len, p);
    HR_RAISE(err, HR_E_MALFORMED_RECORD, "badRecord", text, "failFastMode", "FAILFAST");
    return hr_err_prefix(err, "%s", d->origin);
}

/* The record's text in the corrupt-record column of row; bytes that are not UTF-8 become U+FFFD. */
static void put_corrupt(struct json_decoder *d, uint32_t row, const char *p, const char *end)
{
    size_t len = (size_t)(end - p);
    if (!d->corrupt) return;
    if (!hr_utf8_valid(p, len)) {
        char *out = hr_json_bytes(d, len * 3), *o = out;
        if (!out) return;
        for (size_t i = 0; i < len;) {
            uint32_t code;
            size_t n = hr_utf8_decode(p + i, len - i, &code);
            o += hr_utf8_encode(code, o);
            i += n;
        }
        p = out;
        len = (size_t)(o - out);
    }
    ((struct hr_string *)d->corrupt->values)[row] = hr_string_make(p, (uint32_t)len);
    json_mark(d->corrupt, row);
}

static void count_malformed(struct json_decoder *d)
{
    if (d->malformed_rows) atomic_fetch_add_explicit(d->malformed_rows, 1, memory_order_relaxed);
}

/* Where p is in all that was fed, or the message's number. */
static int64_t place(const struct json_decoder *d, const char *p)
{
    if (d->one_row) return d->message;
    if (p >= d->block && p < d->block + d->block_size) return d->block_at + (p - d->block);
    return d->joined ? d->carry_at + (p - d->joined) : -1;
}

static hr_status tell(struct json_decoder *d, const char *p, const char *end, bool overlong,
                      enum json_verdict verdict, struct hr_err *err)
{
    const char *why = overlong                  ? "longer than maxRecordBytes"
                      : verdict == JSON_PARTIAL ? "a value does not fit its column"
                                                : "not a JSON object of the columns";
    return hr_bad_row(d->bad, hr_svn(p, (size_t)(end - p)), place(d, p), why, err);
}

/* One record by the slow parser, whatever becomes of it. */
static hr_status record_slow(struct json_decoder *d, const char *p, const char *end,
                             bool overlong, struct hr_err *err)
{
    struct json_level *level = d->levels[0];
    uint32_t first = level->len, rows = 0;
    enum json_verdict verdict = JSON_BAD;
    uint32_t room = d->one_row ? 1 : d->capacity - first;
    if (!overlong) verdict = hr_json_slow(d, p, end, room, &rows);
    if (d->out_of_memory) return HR_OOM(err);
    if (verdict == JSON_ROW) return HR_OK;
    count_malformed(d);
    if (d->options.mode == JSON_FAILFAST) return fail_fast(d, p, end, err);
    HR_TRY(tell(d, p, end, overlong, verdict, err));
    if (d->options.mode == JSON_DROPMALFORMED) {
        hr_json_truncate(level, first);
        return HR_OK;
    }
    if (verdict == JSON_BAD) {
        json_row_clear(level);
        level->len++;
    }
    for (uint32_t row = first; row < level->len; row++) put_corrupt(d, row, p, end);
    return HR_OK;
}

static bool starts_array(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')) p++;
    return p < end && *p == '[';
}

/* A line that the fast parsers refused. A carriage return ends a line, too. Stops when the batch is
 * full: *pos is where to go on. */
static hr_status line_slow(struct json_decoder *d, const char **pos, const char *end,
                           bool carried, struct hr_err *err)
{
    const char *p = *pos;
    const char *newline = memchr(p, '\n', (size_t)(end - p));
    const char *stop = newline ? newline : end;
    while (p < stop) {
        if (d->levels[0]->len >= d->capacity) break;
        const char *cr = memchr(p, '\r', (size_t)(stop - p));
        const char *line_end = cr ? cr : stop;
        struct json_level *level = d->levels[0];
        /* An array at the root has a batch of its own, made large enough for its rows. */
        if (!carried && starts_array(p, stop) && level->len > 0) break;
        HR_TRY(record_slow(d, p, line_end, false, err));
        p = cr ? cr + 1 : stop;
    }
    *pos = p < stop ? p : newline ? newline + 1 : end;
    return HR_OK;
}

static hr_status lines(struct json_decoder *d, struct hr_err *err)
{
    while (d->pos < d->end && d->levels[0]->len < d->capacity) {
        if (d->isa && !d->isa->lines(d, &d->pos, d->end)) continue;
        if (d->out_of_memory) return HR_OOM(err);
        const char *before = d->pos;
        HR_TRY(line_slow(d, &d->pos, d->end, false, err));
        if (d->pos == before) break;
    }
    return HR_OK;
}

/* --- Carry: records cut by the ends of blocks ------------------------------------------------- */

/* The carried beginning and the first line of the block make one record. */
static hr_status carry_record(struct json_decoder *d, struct hr_err *err)
{
    HR_TRY(hr_buf_status(&d->carry, err));
    struct hr_buffer *whole = copy_padded(d->carry.ptr, d->carry.len);
    if (!whole) return HR_OOM(err);
    hr_buffer_unref(d->carry_buffer);
    d->carry_buffer = whole;
    const char *p = whole->data, *end = p + d->carry.len + 1;
    d->joined = p;
    bool overlong = d->carry_overlong;
    hr_buf_clear(&d->carry);
    d->carry_overlong = false;
    if (!hr_batch_hold_buffer(d->batch, whole)) return HR_OOM(err);
    if (overlong || d->options.line_sep) return record_slow(d, p, end - 1, overlong, err);
    while (p < end) {
        const char *before = p;
        if (d->isa && !d->isa->lines(d, &p, end)) continue;
        HR_TRY(line_slow(d, &p, end, true, err));
        if (p == before)
            return HR_FAIL(err, HR_E_LIMIT, "an array of more than %u records on one line exceeds "
                           "the limit", d->capacity);
    }
    return HR_OK;
}

/* A separator of the user's choice: records are found here and go the slow way. */
static hr_status separated(struct json_decoder *d, struct hr_err *err)
{
    const char *sep = d->options.line_sep;
    size_t sep_len = strlen(sep);
    while (d->rest < d->rest_end && d->levels[0]->len < d->capacity) {
        carry_append(d, d->rest, 1);
        d->rest++;
        if (d->carry_overlong)
            return HR_FAIL(err, HR_E_LIMIT, "%s: a record without lineSep exceeds maxRecordBytes",
                           d->origin);
        if (d->carry.len < sep_len ||
            memcmp(d->carry.ptr + d->carry.len - sep_len, sep, sep_len) != 0)
            continue;
        d->carry.len -= sep_len;
        HR_TRY(carry_record(d, err));
    }
    return HR_OK;
}

static hr_status whole_file(struct json_decoder *d, struct hr_err *err)
{
    HR_TRY(hr_buf_status(&d->carry, err));
    struct hr_buffer *whole = copy_padded(d->carry.ptr, d->carry.len);
    if (!whole) return HR_OOM(err);
    size_t size = d->carry.len;
    bool overlong = d->carry_overlong;
    hr_buf_clear(&d->carry);
    d->carry_overlong = false;
    hr_status status = HR_OK;
    d->joined = whole->data;
    if (!hr_batch_hold_buffer(d->batch, whole)) status = HR_OOM(err);
    if (!status) status = record_slow(d, whole->data, whole->data + size, overlong, err);
    hr_buffer_unref(whole);
    return status;
}

/* What is behind the last newline: kept for the next block, or the last record. */
static hr_status rest(struct json_decoder *d, struct hr_err *err)
{
    if (d->options.line_sep) HR_TRY(separated(d, err));
    if (d->options.line_sep && d->rest < d->rest_end) return HR_OK; /* the batch is full */
    if (d->rest < d->rest_end) carry_append(d, d->rest, (size_t)(d->rest_end - d->rest));
    d->rest = d->rest_end;
    if (!d->last || (d->carry.len == 0 && !d->carry_overlong)) return HR_OK;
    if (d->levels[0]->len > 0) return HR_OK; /* it has a batch of its own, large enough */
    return d->options.multi_line ? whole_file(d, err) : carry_record(d, err);
}

/* At most so many objects, hence rows, are in the text of an array. */
static uint32_t count_objects(const char *p, const char *end)
{
    uint32_t count = 1;
    for (; p < end; p++) count += *p == '{';
    return HR_MIN(count, ARRAY_ROWS_MAX);
}

static uint32_t batch_capacity(const struct json_decoder *d)
{
    size_t bytes = (size_t)(d->end - d->pos) + (size_t)(d->rest_end - d->rest);
    double rows = (double)bytes / d->record_bytes * 1.25 + 16;
    uint32_t capacity = rows < d->batch_rows ? (uint32_t)rows : d->batch_rows;
    if (d->carry.len) { /* the record that is put together may be an array */
        const char *newline = d->pos < d->end ? memchr(d->pos, '\n', (size_t)(d->end - d->pos))
                                              : NULL;
        capacity += count_objects(d->carry.ptr, d->carry.ptr + d->carry.len);
        if (newline) capacity += count_objects(d->pos, newline);
    } else if (starts_array(d->pos, d->end)) {
        const char *newline = memchr(d->pos, '\n', (size_t)(d->end - d->pos));
        capacity = HR_MAX(capacity, count_objects(d->pos, newline ? newline : d->end));
    } else if (d->pos == d->end) { /* only the last record is left */
        capacity += count_objects(d->rest, d->rest_end);
    }
    return capacity;
}

static bool has_input(const struct json_decoder *d)
{
    return d->pos < d->end || d->rest < d->rest_end ||
           (d->last && (d->carry.len > 0 || d->carry_overlong));
}

static hr_status fill(struct json_decoder *d, struct hr_err *err)
{
    const char *start = d->pos;
    bool joined = false;
    if (d->buffer && !hr_batch_hold_buffer(d->batch, d->buffer)) return HR_OOM(err);
    if ((d->carry.len > 0 || d->carry_overlong) && d->pos < d->end) {
        const char *newline = memchr(d->pos, '\n', (size_t)(d->end - d->pos));
        carry_append(d, d->pos, (size_t)(newline - d->pos));
        d->pos = start = newline + 1;
        HR_TRY(carry_record(d, err));
        joined = true;
    }
    HR_TRY(lines(d, err));
    uint32_t rows = d->levels[0]->len - joined;
    if (rows > 8 && d->pos > start) {
        double mean = (double)(d->pos - start) / rows;
        d->record_bytes = HR_MAX(8.0, 0.75 * d->record_bytes + 0.25 * mean);
    }
    return d->pos == d->end ? rest(d, err) : HR_OK;
}

/* The next piece of a batch that an array at the root made too long. */
static hr_status next_piece(struct json_decoder *d, struct hr_batch **ret_batch,
                            struct hr_err *err)
{
    uint32_t left = d->pending->row_count - d->pending_row;
    struct hr_batch *piece = hr_batch_slice(d->pending, d->pending_row,
                                            HR_MIN(left, d->batch_rows));
    if (!piece) return HR_OOM(err);
    d->pending_row += piece->sel_count;
    if (d->pending_row >= d->pending->row_count) {
        hr_batch_unref(d->pending);
        d->pending = NULL;
    }
    *ret_batch = piece;
    return HR_OK;
}

static hr_status json_next(struct hr_decoder *base, struct hr_batch **ret_batch,
                           struct hr_err *err)
{
    struct json_decoder *d = decoder(base);
    if (d->pending) return next_piece(d, ret_batch, err);
    if (d->options.multi_line && d->rest < d->rest_end) {
        carry_append(d, d->rest, (size_t)(d->rest_end - d->rest));
        d->pos = d->end = d->rest = d->rest_end;
    }
    while (has_input(d)) {
        if (d->options.multi_line && !d->last) break;
        HR_TRY(hr_json_batch_begin(d, batch_capacity(d), err));
        hr_status status = fill(d, err);
        if (!status && d->levels[0]->len > 0) {
            HR_TRY(hr_json_batch_finish(d, &d->pending, err));
            d->pending_row = 0;
            if (d->pending->row_count > d->batch_rows) return next_piece(d, ret_batch, err);
            *ret_batch = d->pending;
            d->pending = NULL;
            return HR_OK;
        }
        bool oom = d->out_of_memory;
        hr_batch_unref(d->batch);
        d->batch = NULL;
        d->out_of_memory = false;
        if (status) return status;
        if (oom) return HR_OOM(err);
    }
    *ret_batch = NULL;
    return HR_OK;
}

/* --- Messages --------------------------------------------------------------------------------- */

/* AddressSanitizer minds reads behind an object, wherever they end. */
#if defined(__SANITIZE_ADDRESS__)
#define EXACT_READS
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EXACT_READS
#endif
#endif

/* Vector loads may read SLACK bytes behind the message: harmless within its last page. */
static bool crosses_page(const char *p, size_t len)
{
#ifdef EXACT_READS
    HR_UNUSED(p), HR_UNUSED(len);
    return true;
#else
    uintptr_t end = (uintptr_t)p + len;
    return (end >> 12) != ((end + SLACK) >> 12);
#endif
}

static hr_status message(struct json_decoder *d, struct hr_str_view text, bool *ret_keep,
                         struct hr_err *err)
{
    struct json_level *level = d->levels[0];
    const char *p = text.ptr;
    uint32_t row = level->len, rows = 0;
    *ret_keep = true;
    json_row_clear(level);
    if (!p) {
        level->len++;
        return HR_OK;
    }
    if (d->isa && text.len) {
        if (crosses_page(p, text.len)) {
            char *copy = hr_json_bytes(d, text.len + SLACK);
            if (!copy) return HR_OOM(err);
            memcpy(copy, p, text.len);
            memset(copy + text.len, 0, SLACK);
            p = copy;
        }
        if (d->isa->message(d, p, p + text.len)) return HR_OK;
    }
    HR_TRY(record_slow(d, p, p + text.len, text.len > (size_t)d->options.max_record_bytes, err));
    rows = level->len - row;
    if (rows == 0) { /* blank, or dropped by the mode */
        *ret_keep = d->options.mode != JSON_DROPMALFORMED;
        json_row_clear(level);
        level->len++;
    }
    return HR_OK;
}

static hr_status json_messages(struct hr_decoder *base, const struct hr_str_view *messages,
                               uint32_t count, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct json_decoder *d = decoder(base);
    d->one_row = true;
    HR_TRY(hr_json_batch_begin(d, count ? count : 1, err));
    uint32_t *sel = NULL, kept = 0;
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < count && !status; i++) {
        bool keep;
        d->message = i;
        status = message(d, messages[i], &keep, err);
        if (!status && !keep && !sel) {
            sel = hr_arena_alloc(&d->batch->arena, sizeof *sel * count);
            if (!sel) status = HR_OOM(err);
            for (uint32_t j = 0; sel && j < i; j++) sel[j] = j;
        }
        if (sel && keep) sel[kept] = i;
        kept += keep;
    }
    if (status || d->out_of_memory) {
        hr_batch_unref(d->batch);
        d->batch = NULL;
        d->out_of_memory = false;
        return status ? status : HR_OOM(err);
    }
    struct hr_batch *batch;
    HR_TRY(hr_json_batch_finish(d, &batch, err));
    if (sel) {
        batch->sel = sel;
        batch->sel_count = kept;
    }
    *ret_batch = batch;
    return HR_OK;
}

/* In multiLine a file is one value, or records that go over several lines. */
static bool json_splits(const struct hr_options *options)
{
    static const char *const whole[] = {"multiLine"};
    return !hr_format_has_option(options, whole, HR_COUNT(whole));
}

const struct hr_format_vt hr_format_json = {
    .name = "json",
    .file_extension = ".json",
    .options = &hr_json_options,
    .tells_damage = true,
    .splits = json_splits,
    .decoder_open = json_decoder_open,
    .feed = json_feed,
    .next = json_next,
    .messages = json_messages,
    .decoder_close = json_decoder_close,
    .infer = hr_json_infer,
    .encoder_open = hr_json_encoder_open,
    .encode = hr_json_encode,
    .encoder_close = hr_json_encoder_close,
};

/* Change events in JSON, as Debezium writes them: the same decoder over the envelope's columns. */
const struct hr_format_vt hr_format_debezium_json = {
    .name = "debezium-json",
    .file_extension = ".json",
    .envelope = HR_ENVELOPE_DEBEZIUM,
    .tells_damage = true,
    .options = &hr_json_options,
    .splits = json_splits,
    .decoder_open = json_decoder_open,
    .feed = json_feed,
    .next = json_next,
    .messages = json_messages,
    .decoder_close = json_decoder_close,
};
