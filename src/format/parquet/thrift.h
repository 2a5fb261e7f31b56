/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thrift's compact protocol, as far as Parquet's metadata needs it, by tables: a struct is
 * described once and read and written by that. Reading is bounded: no list or text is longer than
 * the bytes that are left, what is unknown is skipped to a limited depth.
 *
 * In C a struct has int32_t for I32, BOOL and smaller ones, int64_t for I64, hr_str_view for
 * BINARY, a pointer for STRUCT, PQ_LIST for LIST. Numbers that are not there are PQ_NONE and
 * PQ_NONE64, texts and structs have NULL pointers. Texts point into the bytes that were read.
 */
#ifndef HR_FORMAT_PARQUET_THRIFT_H
#define HR_FORMAT_PARQUET_THRIFT_H

#include "base/arena.h"

#define PQ_NONE   INT32_MIN
#define PQ_NONE64 INT64_MIN

enum pq_kind { PQ_BOOL, PQ_I8, PQ_I16, PQ_I32, PQ_I64, PQ_BINARY, PQ_STRUCT, PQ_LIST_OF };

struct pq_spec;
struct pq_member {
    int16_t id;
    uint8_t kind; /* enum pq_kind */
    uint8_t item; /* of a list: its items' kind */
    uint32_t offset;
    const struct pq_spec *sub; /* of structs, and of lists of them */
};
struct pq_spec {
    uint32_t size, count;            /* of the C struct; of members */
    const struct pq_member *members; /* by ascending id */
};

#define PQ_LIST(type)   \
    struct {            \
        type *items;    \
        uint32_t count; \
    }

struct pq_thrift {
    const uint8_t *pos, *end;
    struct hr_arena *arena;
    bool failed; /* what is there is no such struct */
    bool cut;    /* it goes on behind the end */
    bool no_memory;
};

/* The next struct; false: one of the flags says why. */
bool pq_thrift_read(struct pq_thrift *t, const struct pq_spec *spec, void *to);
/* Sets all members of a struct to "not there". */
void pq_thrift_clear(const struct pq_spec *spec, void *to);
void pq_thrift_write(const struct pq_spec *spec, const void *from, struct hr_buf *out);

#endif
