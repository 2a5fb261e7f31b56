/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing Parquet, inside. A batch goes through in slices of rows:
 *
 *   write_schema.c   columns → a tree of pq_wcol, the schema of the footer, Spark's schema as JSON
 *   write_shred.c    a column → levels and rows of values, a leaf at a time
 *   write_leaf.c     a leaf: values → pages of its chunk, dictionary, statistics
 *   write_runs.c     levels and dictionary indices as runs
 *   writer.c         row groups, the footer; the format's encoder
 */
#ifndef HR_FORMAT_PARQUET_WRITE_H
#define HR_FORMAT_PARQUET_WRITE_H

#include "format/parquet/parquet.h"

/* A field of the columns that are written. */
struct pq_wcol {
    const struct hr_type *type;
    uint8_t def;      /* it is not NULL */
    uint8_t item_def; /* arrays and maps: an element; rep: its repetition level */
    uint8_t rep;
    int32_t leaf;             /* -1: it has children */
    struct pq_wcol *children; /* type->field_count */
};

/* What is known of a leaf's values so far. */
struct pq_bounds {
    bool any;
    int64_t min, max;
    double fmin, fmax;
    hr_i128 dmin, dmax;
    struct hr_buf smin, smax;
    bool too_long; /* a text that is not kept */
};

struct pq_wleaf {
    const struct pq_options *options;
    struct hr_mem *mem;
    const struct hr_type *type;
    enum pq_physical physical;
    uint32_t width; /* of a value in the file; 0: BYTE_ARRAY and booleans */
    uint8_t max_def, max_rep;
    PQ_LIST(struct hr_str_view) path;
    /* The chunk: pages so far */
    struct hr_buf pages, dictionary;
    int64_t value_count, null_count, plain_bytes;
    int64_t dictionary_plain; /* with its head */
    bool coded;               /* values become indices of the dictionary */
    bool was_coded, was_plain;
    uint32_t *table; /* hash table: index + 1 */
    uint32_t table_mask, dictionary_count;
    uint32_t *dictionary_at; /* of BYTE_ARRAY: where its length word is */
    uint32_t dictionary_capacity;
    struct pq_bounds bounds;
    /* The page: levels, and indices or plain values */
    struct pq_room reps, defs, indices;
    uint32_t entries, page_values, page_rows;
    struct hr_buf plain;
    uint32_t bit; /* of plain booleans */
    struct pq_room scratch;
    struct hr_buf body, packed;
};

/* --- write_schema.c --------------------------------------------------------------------------- */

struct pq_wschema {
    struct pq_wcol root; /* of the columns; not in levels */
    struct pq_element *elements;
    uint32_t element_count, element_capacity;
    struct pq_wleaf *leaves;
    uint32_t leaf_count, leaf_capacity;
    struct hr_buf json; /* Spark's */
};
hr_status pq_wschema_make(struct hr_arena *arena, const struct hr_type *schema,
                          const struct pq_options *options, struct pq_wschema *ret,
                          struct hr_err *err) HR_CHECKED;

/* --- write_shred.c ---------------------------------------------------------------------------- */

/* Rows live[0 … count) of a column go to its leaves. */
hr_status pq_shred(struct hr_arena *arena, struct pq_wleaf *leaves, const struct pq_wcol *wcol,
                   const struct hr_column *col, const uint32_t *live, uint32_t count,
                   struct hr_err *err) HR_CHECKED;

/* --- write_leaf.c ----------------------------------------------------------------------------- */

/* entries levels (NULL: all 0), and the values of rows[0 … count) of col. */
hr_status pq_wleaf_add(struct pq_wleaf *leaf, const uint8_t *reps, const uint8_t *defs,
                       uint32_t entries, const struct hr_column *col, const uint32_t *rows,
                       uint32_t count, uint32_t row_count, struct hr_err *err) HR_CHECKED;
/* The running page, if any, into the chunk. */
hr_status pq_wleaf_flush(struct pq_wleaf *leaf, struct hr_err *err) HR_CHECKED;
/* The chunk behind what is in out, and what the footer says of it; offset: where it begins. Then
 * the leaf is empty. */
hr_status pq_wleaf_end(struct pq_wleaf *leaf, int64_t offset, struct hr_arena *arena,
                       struct hr_buf *out, struct pq_chunk *ret, struct hr_err *err) HR_CHECKED;
size_t pq_wleaf_bytes(const struct pq_wleaf *leaf);
void pq_wleaf_done(struct pq_wleaf *leaf);

/* --- write_runs.c ----------------------------------------------------------------------------- */

void pq_put_levels(struct hr_buf *out, const uint8_t *levels, uint32_t count, uint32_t width);
void pq_put_indices(struct hr_buf *out, const uint32_t *indices, uint32_t count, uint32_t width);

#endif
