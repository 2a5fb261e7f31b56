/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON decoder, inside. Three parsers share one target:
 *
 *   shape  (k_json.c)      a list of steps learned from the last records; the usual case
 *   walk   (k_json.c)      one strict pass over any record, vector scans
 *   slow   (json_slow.c)   Spark's leniencies (single quotes, NaN, comments …) and its verdict on
 *                          damaged records; whatever the other two refuse
 *
 * The target is a tree of nodes over levels. A level is a table of rows: level 0 is the batch,
 * every ARRAY and MAP opens a level of its elements. A node is one column of its level; a bit per
 * row and node tells which values are there:
 *
 *   level 0   have[row] bits:  ts  card  geo  geo.lat  tags
 *                               │    │    └ STRUCT: no values, its fields are nodes of level 0
 *                               │    └ hr_string[]     └ ARRAY: int32 ends[] into level 1
 *                               └ int64_t[]                      level 1   have[i] bits: element
 *
 * A record that fails half-way is undone by clearing its bits and cutting the inner levels back
 * (hr_json_truncate). Level 0 values live in the batch's arena, inner levels on the heap of the
 * decoder until the batch is finished.
 *
 * Threads: a decoder belongs to one thread.
 */
#ifndef HR_FORMAT_JSON_JSON_H
#define HR_FORMAT_JSON_JSON_H

#include "base/datetime.h"
#include "format/format.h"

#define JSON_MAX_DEPTH 1000 /* as Jackson */

struct json_level {
    uint32_t len;       /* rows so far; level 0: the row being written */
    uint32_t capacity;
    uint32_t words;     /* of bits a row */
    uint32_t bit_count;
    uint64_t *have;     /* capacity × words */
    struct json_node **nodes; /* bit_count of them, by bit */
};

struct json_node {
    const char *name;
    uint32_t name_len;
    uint64_t name8;      /* first 8 bytes, zero padded */
    const struct hr_type *type;
    enum hr_type_id id;
    uint32_t bit;
    bool skip;           /* corrupt-record column: no key fills it */
    struct json_level *level;
    struct json_level *inner; /* ARRAY, MAP */
    void *values;        /* of the level's rows; STRUCT: NULL; ARRAY, MAP: int32 end of row i */
    size_t width;        /* bytes of a value; BOOLEAN: a byte until the batch is finished */
    struct json_node *children; /* STRUCT: fields, ARRAY: element, MAP: key, value */
    uint32_t child_count;
    uint32_t hint;       /* STRUCT: the field that came after the last one found */
    uint16_t *table;     /* STRUCT: hash of names → field + 1 */
    uint32_t table_mask;
    /* TIMESTAMP: the last "YYYY-MM-DDThh:mm" seen and its instant; streams are ordered in time. */
    char ts_prefix[16];
    int64_t ts_base_us;
    bool ts_cached;
};

struct json_options {
    int mode; /* JSON_PERMISSIVE … */
    const char *corrupt_name;
    const char *timestamp_format, *timestamp_ntz_format, *date_format, *zone, *line_sep, *encoding;
    int64_t max_record_bytes;
    bool multi_line, comments, unquoted_names, single_quotes, leading_zeros, non_numeric;
    bool any_backslash, control_chars, primitives_as_string, prefers_decimal, ignore_null;
    bool infer_timestamp, drop_all_null;
    double sampling_ratio;
};
enum { JSON_PERMISSIVE, JSON_DROPMALFORMED, JSON_FAILFAST };

struct json_shapes; /* k_json.c */

/* How a record ended. */
enum json_verdict {
    JSON_ROW,       /* a good row */
    JSON_PARTIAL,   /* well-formed, but a value did not fit its column: that one is NULL */
    JSON_BAD,       /* not JSON: all columns NULL */
};

struct json_decoder {
    struct hr_decoder base;
    struct hr_arena arena;    /* of the decoder: nodes, options, formats */
    struct json_options options;
    const struct hr_conf *conf;
    const struct hr_tz *tz;
    const struct hr_time_format *timestamp_format, *timestamp_ntz_format, *date_format;
    struct hr_mem *mem;
    _Atomic int64_t *malformed_rows;
    struct hr_bad_rows *bad;   /* gets damaged records, or NULL */
    const char *origin;
    const struct hr_type *wanted;
    uint32_t batch_rows;

    struct json_node root;
    struct json_level *levels[256];
    uint32_t level_count;
    struct json_node *corrupt; /* or NULL */

    /* The batch under construction. */
    struct hr_batch *batch;
    uint32_t capacity;         /* rows it has room for */
    bool one_row;              /* messages: an array of several rows is damage */
    struct hr_batch *pending;  /* a batch too long to give out whole: the rows of an array */
    uint32_t pending_row;
    bool mismatch;             /* of the record being read: JSON_PARTIAL */
    bool out_of_memory;

    /* Input. Records are whole lines of [pos, end), end[-1] == '\n', 64 readable bytes behind. */
    struct hr_buffer *buffer, *carry_buffer;
    const char *pos, *end;
    const char *rest;          /* the cut record behind end, up to rest_end */
    const char *rest_end;
    struct hr_buf carry;       /* the beginning of a record that earlier blocks cut */
    bool carry_overlong;
    bool last;                 /* nothing follows */
    /* Where that is in all that was fed: the block, and the record put together of several. */
    const char *block, *joined;
    size_t block_size;
    int64_t fed, block_at, carry_at;
    int64_t message;           /* number of the one being read */
    double record_bytes;       /* running mean, to size batches */
    int64_t line_number;

    const struct json_isa *isa; /* NULL: only the slow parser */
    struct json_shapes *shapes;
    bool strict_only;           /* an option changes the grammar: everything goes slow */
};

/* Loops compiled once per instruction set. */
struct json_isa {
    const char *name;
    /* Decodes lines from *pos on until the batch is full, end is reached or a line is refused;
     * moves *pos to the first line not decoded. true: refused, the slow parser's turn. */
    bool (*lines)(struct json_decoder *d, const char **pos, const char *end);
    /* One message that fills [p, end); 64 readable bytes behind. false: refused. */
    bool (*message)(struct json_decoder *d, const char *p, const char *end);
    struct json_shapes *(*shapes_new)(void);
};
const struct json_isa *hr_json_isa(void);

/* json_schema.c: nodes, levels, batches. */
hr_status hr_json_schema_init(struct json_decoder *d, struct hr_err *err) HR_CHECKED;
void hr_json_schema_done(struct json_decoder *d);
hr_status hr_json_batch_begin(struct json_decoder *d, uint32_t capacity,
                              struct hr_err *err) HR_CHECKED;
hr_status hr_json_batch_finish(struct json_decoder *d, struct hr_batch **ret,
                               struct hr_err *err) HR_CHECKED;
/* A new row of an inner level, all values absent; UINT32_MAX: out of memory. */
uint32_t hr_json_level_push(struct json_decoder *d, struct json_level *level);
/* Forgets all rows from len on, and their elements. */
void hr_json_truncate(struct json_level *level, uint32_t len);
/* Forgets the value (and all below) at idx: a repeated key, or a value that did not fit. */
void hr_json_unset(struct json_node *node, uint32_t idx);
/* Field of a STRUCT node, or NULL. */
struct json_node *hr_json_find(struct json_node *node, const char *name, uint32_t len);
/* The same where the first 8 bytes are loaded already. */
struct json_node *hr_json_find8(struct json_node *node, const char *name, uint64_t name8,
                                uint32_t len);
/* Bytes in the batch's arena; NULL sets out_of_memory. */
char *hr_json_bytes(struct json_decoder *d, size_t size);

/* Clears the row that is written next. */
HR_INLINE void json_row_clear(struct json_level *level)
{
    for (uint32_t w = 0; w < level->words; w++)
        level->have[(size_t)level->len * level->words + w] = 0;
}
HR_INLINE bool json_has(const struct json_node *node, uint32_t idx)
{
    const struct json_level *level = node->level;
    return (level->have[(size_t)idx * level->words + (node->bit >> 6)] >> (node->bit & 63)) & 1;
}
HR_INLINE void json_mark(struct json_node *node, uint32_t idx)
{
    struct json_level *level = node->level;
    level->have[(size_t)idx * level->words + (node->bit >> 6)] |= UINT64_C(1) << (node->bit & 63);
}

/* json_convert.c: one value to its column. They mark it present, or set d->mismatch. */
void hr_json_put_number(struct json_decoder *d, struct json_node *node, uint32_t idx,
                        const char *text, size_t len, bool is_integer);
/* The string's bytes (escapes resolved); they live as long as the batch. */
void hr_json_put_string(struct json_decoder *d, struct json_node *node, uint32_t idx,
                        const char *text, size_t len);
void hr_json_put_bool(struct json_decoder *d, struct json_node *node, uint32_t idx, bool value,
                      const char *text, size_t len);
/* The text of any value into a STRING column. */
void hr_json_put_raw(struct json_decoder *d, struct json_node *node, uint32_t idx,
                     const char *text, size_t len);
bool hr_json_base64_decode(const char *text, size_t len, char *out, size_t *ret_len);

/* json_slow.c. A record in [p, end): rows are appended; an array at the root gives several (at
 * most max_rows, more is JSON_BAD). *ret_rows 0: blank. */
enum json_verdict hr_json_slow(struct json_decoder *d, const char *p, const char *end,
                               uint32_t max_rows, uint32_t *ret_rows);
/* Unescapes a string body [p, end) into out (at least end - p bytes); false: damaged.
 * any_backslash: \q is q. */
bool hr_json_unescape(const char *p, const char *end, bool any_backslash, char *out,
                      size_t *ret_len);

/* json_infer.c, json_encode.c: parts of the format's vtable. */
hr_status hr_json_infer(const struct hr_format_args *args, const char *sample, size_t size,
                        const struct hr_type **ret, struct hr_err *err);
hr_status hr_json_encoder_open(const struct hr_format_args *args, struct hr_encoder **ret,
                               struct hr_err *err);
hr_status hr_json_encode(struct hr_encoder *enc, const struct hr_batch *batch, struct hr_buf *out,
                         uint64_t *ret_ends, struct hr_err *err);
void hr_json_encoder_close(struct hr_encoder *enc);

extern const struct hr_opt_table hr_json_options;

#endif
