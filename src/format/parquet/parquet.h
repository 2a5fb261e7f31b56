/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parquet, inside. From the bottom:
 *
 *   thrift, meta     a footer and page headers in C
 *   file.c           opening a file: its footer, checked; its schema as a tree of nodes
 *   types.c          nodes → Spark's types
 *   bind.c           wanted columns → a tree of pq_col over the leaves that must be read
 *   runs, codec, values.c, convert.c    streams of numbers; packed pages; values of a page
 *   chunk.c          a leaf's bytes in a row group: pages, dictionary
 *   leaf.c           so many rows of a leaf: levels and values
 *   assemble.c       leaves → columns
 *   statistics.c     row groups that a filter leaves out
 *   reader.c         the format's container
 */
#ifndef HR_FORMAT_PARQUET_PARQUET_H
#define HR_FORMAT_PARQUET_PARQUET_H

#include "column/column.h"
#include "format/bound.h"
#include "format/format.h"
#include "format/parquet/meta.h"
#include "format/parquet/runs.h"

#define PQ_LEVEL_MAX 255
#define PQ_DEPTH_MAX 64

struct pq_options {
    bool merge_schema;
    bool binary_as_string, nanos_as_long, infer_ntz;
    int32_t codec; /* enum pq_codec */
    int compression, compression_alias; /* as they were given */
    int64_t block_bytes, page_bytes, page_rows, dictionary_bytes;
    bool dictionary;
    int date_rebase, time_rebase;
};
extern const struct hr_opt_table pq_option_table;
hr_status pq_options_parse(const struct hr_options *options, struct pq_options *ret,
                           struct hr_err *err) HR_CHECKED;

/* --- A file (file.c) -------------------------------------------------------------------------- */

/* A field of a file's schema. */
struct pq_node {
    const struct pq_element *element;
    const char *name;
    struct pq_node *children;
    uint32_t child_count;
    uint8_t def, rep; /* levels where it is there; repeated ones around it */
    uint32_t first_leaf;
};
struct pq_file {
    const struct hr_format_file *file;
    struct hr_mem *mem;
    struct hr_arena arena;
    struct hr_buffer *footer;
    int64_t data_end; /* behind the last byte in front of the footer */
    struct pq_file_meta meta;
    struct pq_node root;
    uint32_t leaf_count;
    const struct pq_node **leaves;
};
hr_status pq_file_open(struct pq_file *pq, const struct hr_format_file *file, struct hr_mem *mem,
                       struct hr_err *err) HR_CHECKED;
void pq_file_done(struct pq_file *pq);
/* HR_E_FILE_DAMAGED with why. */
hr_status pq_damaged(const struct pq_file *pq, struct hr_err *err, const char *why, ...)
    HR_PRINTF(3, 4) HR_COLD;
/* All of [pos, pos + size) of the file. */
hr_status pq_read_at(const struct pq_file *pq, int64_t pos, void *to, size_t size,
                     struct hr_err *err) HR_CHECKED;
/* A buffer that is accounted for as long as it is there. NULL: no memory. */
struct hr_buffer *pq_buffer_new(struct hr_mem *mem, size_t size);

/* --- Types (types.c) -------------------------------------------------------------------------- */

/* What a node is: a value, a record, a list or a map of its elements. */
enum pq_shape { PQ_LEAF, PQ_RECORD, PQ_ARRAY, PQ_MAP, PQ_MISSING };
struct pq_view {
    enum pq_shape shape;
    uint8_t def;      /* it is not NULL from this definition level on */
    uint8_t item_def; /* arrays and maps: there is an element */
    /* Of arrays: the element; of maps: key and value. element_is_list: a repeated node by
     * itself. */
    const struct pq_node *items[2];
    bool item_bare; /* the element is the repeated node: its repetition is the list's */
};
/* bare: the node is an element already, its being repeated is seen to. */
hr_status pq_view_of(const struct pq_file *pq, const struct pq_node *node, bool bare,
                     struct pq_view *ret, struct hr_err *err) HR_CHECKED;
/* Spark's type of a node. */
hr_status pq_type_of(const struct pq_file *pq, const struct pq_options *options,
                     const struct pq_node *node, bool bare, const struct hr_type **ret,
                     struct hr_err *err) HR_CHECKED;
/* Of all of the file, every column nullable. */
hr_status pq_schema_of(const struct pq_file *pq, const struct pq_options *options,
                       const struct hr_type **ret, struct hr_err *err) HR_CHECKED;
/* Both schemas' columns. HR_E_INVALID_ARGUMENT when a column has two types. */
hr_status pq_schema_merge(const struct hr_type *a, const struct hr_type *b,
                          const struct hr_type **ret, struct hr_err *err) HR_CHECKED;
/* Times of a leaf: ticks of a second, 0: it has no time. */
int64_t pq_ticks(const struct pq_node *leaf);
bool pq_is_decimal(const struct pq_node *leaf, int *ret_precision, int *ret_scale);
bool pq_is_unsigned(const struct pq_node *leaf);

/* --- Values (values.c, convert.c) ------------------------------------------------------------- */

/* How values of the file become values of a column: one step, over arrays. BOOLEANs are bytes here,
 * strings views. */
struct pq_convert;
typedef bool (*pq_convert_fn)(const struct pq_convert *, const void *from, void *to,
                              uint32_t count);
struct pq_convert {
    pq_convert_fn fn; /* NULL: they are the same; false: a value does not fit */
    uint32_t from_width, to_width;
    int64_t factor;  /* of times */
    hr_i128 scale;   /* of decimals: × */
    int precision;   /* of decimals: digits that fit */
    uint32_t length; /* of FIXED */
    uint32_t text;   /* bytes of text that a value becomes; 0: none */
    char *text_at;   /* where the next goes */
};
/* From a leaf to a type. HR_E_… when there is no such way. */
hr_status pq_convert_of(const struct pq_file *pq, const struct pq_options *options,
                        const struct pq_node *leaf, const struct hr_type *type,
                        struct pq_convert *ret, struct hr_err *err) HR_CHECKED;

/* The values of a page, one after the other. */
struct pq_values {
    int32_t encoding; /* PQ_E_RLE_DICTIONARY for both names */
    enum pq_physical physical;
    uint32_t length; /* of FIXED */
    const uint8_t *pos, *end;
    uint32_t bit;       /* of PLAIN booleans */
    uint32_t count, at; /* of BYTE_STREAM_SPLIT: values of the page; the next */
    struct pq_rle rle;
    struct pq_delta delta, lengths;
    struct hr_string last;    /* of DELTA_BYTE_ARRAY */
    struct hr_buf *last_text; /* where it is kept between calls */
};
/* false: damaged, or an encoding that the type does not have. */
bool pq_values_open(struct pq_values *v, int32_t encoding, enum pq_physical physical,
                    uint32_t length, const void *data, size_t size, uint32_t count);
/* Bytes of one decoded value. */
uint32_t pq_physical_width(enum pq_physical physical, uint32_t length);
/* The next count values as they are in the file (BOOLEAN: bytes; BYTE_ARRAY and FIXED: views, or
 * for PLAIN FIXED the bytes themselves). arena: for text that is put together. false: damaged;
 * *ret_no_memory: no, but there is no memory. */
bool pq_values_read(struct pq_values *v, void *out, uint32_t count, struct hr_arena *arena,
                    bool *ret_no_memory);

/* --- Leaves (chunk.c, leaf.c) ----------------------------------------------------------------- */

/* Memory that grows and stays. */
struct pq_room {
    char *data;
    size_t capacity;
};
/* At least bytes, the first kept of them as they were. false: no memory. */
bool pq_room_grow(struct pq_room *room, struct hr_mem *mem, size_t kept, size_t bytes);
void pq_room_done(struct pq_room *room, struct hr_mem *mem);

struct pq_leaf {
    struct pq_file *pq;
    const struct pq_node *node;
    uint32_t number; /* in the file */
    bool levels_only;
    struct pq_convert convert;
    bool is_text, is_view; /* STRING; STRING or BINARY */
    bool check_utf8;
    /* The chunk */
    const struct pq_column_meta *meta;
    int64_t pos, end;     /* of bytes that were not looked at */
    int64_t entries_left; /* levels in pages to come */
    struct hr_buffer *window; /* its first window_size bytes are those at window_pos */
    int64_t window_pos;
    size_t window_size;
    size_t window_bytes; /* how much is read at once */
    /* The dictionary, converted */
    struct hr_buffer *dictionary, *dictionary_bytes, *dictionary_text;
    uint32_t dictionary_count;
    /* The page */
    struct hr_buffer *page, *spare; /* spare: of an earlier one, to be used again */
    uint32_t page_left; /* levels */
    bool held;          /* by the running batch */
    struct pq_rle rep, def;
    struct pq_values values;
    /* Levels that were decoded, but belong to the next batch */
    uint8_t *ahead_rep, *ahead_def; /* one block */
    uint32_t ahead_at, ahead_count;
    struct hr_buf last_text;
    /* Of the running batch */
    struct pq_room levels, dense, scratch;
    uint32_t entry_count, dense_count;
    uint8_t *rep_levels, *def_levels; /* in levels, when all rows are read */
    uint32_t *indices;
};
/* Begins a row group. */
hr_status pq_leaf_begin(struct pq_leaf *leaf, const struct pq_row_group *group,
                        struct hr_err *err) HR_CHECKED;
void pq_leaf_done(struct pq_leaf *leaf);
/* The next page that has rows. */
hr_status pq_leaf_page(struct pq_leaf *leaf, struct hr_err *err) HR_CHECKED;
/* Converted values of the page into to. */
hr_status pq_leaf_values(struct pq_leaf *leaf, void *to, uint32_t count, struct hr_batch *batch,
                         struct hr_err *err) HR_CHECKED;
/* rows rows of a leaf that no list and no optional record is around: the whole column. */
hr_status pq_leaf_flat(struct pq_leaf *leaf, uint32_t rows, struct hr_batch *batch,
                       struct hr_column *ret, const struct hr_type *type,
                       struct hr_err *err) HR_CHECKED;
/* rows rows of any other: levels and dense values. */
hr_status pq_leaf_rows(struct pq_leaf *leaf, uint32_t rows, struct hr_batch *batch,
                       struct hr_err *err) HR_CHECKED;

/* --- Columns (bind.c, assemble.c) ------------------------------------------------------------- */

struct pq_col {
    enum pq_shape shape;
    const struct hr_type *type;
    uint8_t def, item_def;      /* as in a view */
    uint8_t slot_def, slot_rep; /* a slot begins where def ≥, rep ≤ */
    bool flat;                  /* a leaf for pq_leaf_flat */
    bool keys;                  /* a map's: NULL is damage */
    uint32_t leaf;              /* its own; of others: one that has its levels */
    uint32_t last_leaf;         /* behind the last one below it, as bound */
    uint32_t child_count;
    struct pq_col *children;
};
struct pq_binding {
    struct pq_col *columns;
    uint32_t column_count;
    struct pq_leaf *leaves;
    uint32_t leaf_count, leaf_capacity;
};
hr_status pq_bind(struct pq_file *pq, const struct pq_options *options,
                  const struct hr_type *wanted, bool case_sensitive, struct pq_binding *ret,
                  struct hr_err *err) HR_CHECKED;
hr_status pq_assemble(struct pq_file *pq, struct pq_binding *b, const struct pq_col *col,
                      uint32_t rows, struct hr_batch *batch, struct hr_column *ret,
                      struct hr_err *err) HR_CHECKED;

/* --- Statistics (statistics.c) ---------------------------------------------------------------- */

/* Can the group hold a row that all bounds hold for? */
hr_status pq_group_may_hold(struct pq_file *pq, const struct pq_binding *b,
                            const struct pq_row_group *group, const struct hr_bound *bounds,
                            uint32_t bound_count, bool *ret, struct hr_err *err) HR_CHECKED;

/* --- The container (reader.c), writing (writer.c) --------------------------------------------- */

extern const struct hr_container_vt pq_container;
hr_status pq_encoder_open(const struct hr_format_args *args, struct hr_encoder **ret,
                          struct hr_err *err) HR_CHECKED;
hr_status pq_encoder_begin(struct hr_encoder *base, struct hr_buf *out, struct hr_err *err);
hr_status pq_encoder_encode(struct hr_encoder *base, const struct hr_batch *batch,
                            struct hr_buf *out, uint64_t *ret_ends, struct hr_err *err);
hr_status pq_encoder_end(struct hr_encoder *base, struct hr_buf *out, struct hr_err *err);
void pq_encoder_close(struct hr_encoder *base);

#endif
