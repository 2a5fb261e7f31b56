/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON lines → columns: GB/s and records/s of one core, median of several runs.
 *
 *     bench_json [megabytes [name]]
 *
 * flat: 150-byte records of stable keys, 10 % with escapes or non-ASCII text; damaged: the same
 * with 4 % broken; shuffled: the same with its keys in any order; nested: 326-byte bids, 7 fields
 * read; message: nested as separate messages. HEADRACE_JSON=slow|portable|base|v3|v4 picks the
 * parser.
 */
#include <stdio.h>
#include <time.h>

#include "base/hash.h"
#include "column/type_parse.h"
#include "format/format.h"

static uint64_t seed = 42;
static uint32_t rnd(uint32_t n)
{
    return (uint32_t)(hr_splitmix64(&seed) % n);
}
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* a busy machine does not count */
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void flat(struct hr_buf *out, int64_t i, int damaged, bool shuffled)
{
    static const char *const types[] = {"banner", "modal", "sponsored-search", "mail", "mobile"};
    static const char *const events[] = {"view", "click", "purchase"};
    char field[7][80];
    int order[7] = {0, 1, 2, 3, 4, 5, 6};
    snprintf(field[0], 80, "\"user_id\":\"u%06u\"", rnd(100000));
    snprintf(field[1], 80, "\"page_id\":\"p%05u\"", rnd(10000));
    snprintf(field[2], 80, "\"ad_id\":\"ad%05u\"", rnd(1000));
    snprintf(field[3], 80, "\"ad_type\":\"%s\"", types[rnd(5)]);
    snprintf(field[4], 80, "\"event_type\":\"%s\"", events[rnd(3)]);
    snprintf(field[5], 80, "\"event_time\":%lld", (long long)(1700000000000 + i));
    snprintf(field[6], 80, "\"ip_address\":\"1.2.3.4\"");
    switch (rnd(40)) {
    case 0: snprintf(field[1], 80, "\"page_id\":\"p\\u00e9\\n%05u\"", rnd(10000)); break;
    case 1: snprintf(field[2], 80, "\"ad_id\":\"a\\\"d\\\\%03u\"", rnd(1000)); break;
    case 2: snprintf(field[4], 80, "\"event_type\":\"caf\xc3\xa9\""); break;
    case 3:
        snprintf(field[0], 80, "\"user_id\":\"\xe6\x97\xa5\xe6\x9c\xac%03u\"", rnd(1000));
        break;
    default: break;
    }
    for (int j = 6; shuffled && j > 0; j--) {
        int k = (int)rnd((uint32_t)j + 1), x = order[j];
        order[j] = order[k];
        order[k] = x;
    }
    size_t start = out->len;
    for (int j = 0; j < 7; j++) {
        hr_buf_putc(out, j ? ',' : '{');
        hr_buf_puts(out, field[order[j]]);
    }
    hr_buf_putc(out, '}');
    if (damaged && rnd(25) == 0) {
        uint32_t len = (uint32_t)(out->len - start);
        if (rnd(2)) out->len = start + rnd(len);
        else out->ptr[start + rnd(len)] = "\"x\\{}[]:,\xff"[rnd(10)];
    }
    hr_buf_putc(out, '\n');
}

static void nested(struct hr_buf *out, int64_t i)
{
    static const char *const channels[] = {"Google", "Facebook", "Baidu", "Apple"};
    char extra[128];
    uint32_t len = 60 + rnd(40);
    for (uint32_t k = 0; k < len; k++) extra[k] = (char)('a' + rnd(26));
    extra[len] = 0;
    hr_buf_printf(out,
                  "{\"event_type\":2,\"person\":null,\"auction\":null,\"bid\":{\"auction\":%lld,"
                  "\"bidder\":%u,\"price\":%u,\"channel\":\"%s\",\"url\":\"https://www.nexmark.com/"
                  "abc/def/ghi/item.htm?query=1&channel_id=%u\",\"dateTime\":"
                  "\"2026-01-01T%02d:%02d:%02d.%03dZ\",\"extra\":\"%s\"}}\n",
                  (long long)(1000 + i / 17), 1000 + rnd(1000), 100 + rnd(1000000),
                  channels[rnd(4)], rnd(1u << 30), (int)(i / 3600000 % 24), (int)(i / 60000 % 60),
                  (int)(i / 1000 % 60), (int)(i % 1000), extra);
}

#define FLAT "user_id STRING, page_id STRING, ad_id STRING, ad_type STRING, event_type STRING, " \
             "event_time BIGINT, ip_address STRING"
#define BID "bid STRUCT<auction:BIGINT,bidder:BIGINT,price:BIGINT,channel:STRING,url:STRING," \
            "dateTime:TIMESTAMP,extra:STRING>"

static int64_t decode_lines(const struct hr_format_vt *vt, struct hr_decoder *dec,
                            struct hr_buffer *const *blocks, size_t count)
{
    int64_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        struct hr_batch *batch;
        if (vt->feed(dec, blocks[i], blocks[i]->data, blocks[i]->size, i + 1 == count, NULL))
            abort();
        for (;;) {
            if (vt->next(dec, &batch, NULL)) abort();
            if (!batch) break;
            rows += batch->sel_count;
            hr_batch_unref(batch);
        }
    }
    return rows;
}

static int64_t decode_messages(const struct hr_format_vt *vt, struct hr_decoder *dec,
                               const struct hr_str_view *messages, int64_t count)
{
    for (int64_t i = 0; i < count; i += 4096) {
        struct hr_batch *batch;
        if (vt->messages(dec, messages + i, (uint32_t)HR_MIN(4096, count - i), &batch, NULL))
            abort();
        hr_batch_unref(batch);
    }
    return count;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static const char *only; /* the input of that name; NULL: all */

static void run(const char *name, const char *schema, const struct hr_buf *text, bool by_message)
{
    if (only && strcmp(only, name) != 0) return;
    const struct hr_type *type;
    struct hr_decoder *dec;
    _Atomic int64_t malformed = 0;
    if (hr_schema_parse(hr_sv(schema), &type, NULL)) abort();
    const struct hr_format_vt *vt = hr_format_find("json");
    struct hr_format_args args = {.schema = type, .batch_rows = HR_BATCH_ROWS,
                                  .malformed_rows = &malformed};
    size_t count = (text->len + (1 << 20) - 1) >> 20;
    struct hr_buffer **blocks = hr_alloc(count * sizeof *blocks);
    for (size_t i = 0; i < count; i++) {
        size_t n = HR_MIN((size_t)1 << 20, text->len - (i << 20));
        blocks[i] = hr_buffer_new(n);
        memcpy(blocks[i]->data, text->ptr + (i << 20), n);
    }
    struct hr_str_view *messages = hr_alloc(text->len / 16 * sizeof *messages);
    int64_t rows = 0;
    for (const char *p = text->ptr, *end = p + text->len; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        messages[rows++] = hr_svn(p, (size_t)(newline - p));
        p = newline + 1;
    }
    double seconds[7];
    for (int r = 0; r < 7; r++) {
        if (vt->decoder_open(&args, &dec, NULL)) abort();
        double start = now();
        rows = by_message ? decode_messages(vt, dec, messages, rows)
                          : decode_lines(vt, dec, blocks, count);
        seconds[r] = now() - start;
        vt->decoder_close(dec);
    }
    qsort(seconds, 7, sizeof *seconds, compare);
    printf("%-10s %6.2f GB/s %7.2f M records/s  (best %.2f GB/s; %lld rows, %lld damaged)\n", name,
           (double)text->len / seconds[3] * 1e-9, (double)rows / seconds[3] * 1e-6,
           (double)text->len / seconds[0] * 1e-9, (long long)rows, (long long)malformed / 7);
    for (size_t i = 0; i < count; i++) hr_buffer_unref(blocks[i]);
    hr_free(blocks);
    hr_free(messages);
}

int main(int argc, char **argv)
{
    int64_t megabytes = 64;
    if (argc > 1 && !hr_parse_i64(hr_sv(argv[1]), &megabytes)) return 2;
    if (argc > 2) only = argv[2];
    size_t size = (size_t)megabytes << 20;
    struct hr_buf text = {0};
    static const char *const names[] = {"flat", "damaged", "shuffled"};
    for (int kind = 0; kind < 3; kind++) {
        hr_buf_clear(&text);
        for (int64_t i = 0; text.len < size; i++) flat(&text, i, kind == 1, kind == 2);
        run(names[kind], FLAT, &text, false);
    }
    hr_buf_clear(&text);
    for (int64_t i = 0; text.len < size; i++) nested(&text, i);
    run("nested", BID, &text, false);
    run("message", BID, &text, true);
    hr_buf_done(&text);
    return 0;
}
