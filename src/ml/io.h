/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One description of a model's fields for four uses: bytes and JSON, written and read. A kind says
 * once what it consists of:
 *
 *     hr_ml_io_f64(io, "intercept", &m->intercept);
 *     hr_ml_io_f64s(io, "weights", m->weights, m->width);
 *
 * What has no fixed size says its count first and makes room when io is reading
 * (hr_ml_io_reads). After a failure reading does nothing more, values stay what they are: io->why
 * says what was wrong.
 */
#ifndef HR_ML_IO_H
#define HR_ML_IO_H

#include "base/arena.h"

struct hr_ml_json; /* json.h */

/* CHECK only looks whether all numbers are finite. */
enum hr_ml_io_mode { HR_ML_SAVE, HR_ML_LOAD, HR_ML_EXPORT, HR_ML_IMPORT, HR_ML_CHECK };

struct hr_ml_io {
    enum hr_ml_io_mode mode;
    struct hr_buf *out;
    struct hr_reader in;
    const struct hr_ml_json *at[8]; /* the objects that are open */
    uint32_t depth;
    bool first;       /* in the object being written */
    const char *why;  /* static text; NULL: all is well */
    const char *name; /* of the field that is wrong */
};

HR_INLINE bool hr_ml_io_reads(const struct hr_ml_io *io)
{
    return io->mode == HR_ML_LOAD || io->mode == HR_ML_IMPORT;
}
void hr_ml_io_fail(struct hr_ml_io *io, const char *name, const char *why);

void hr_ml_io_begin(struct hr_ml_io *io, const char *name); /* name NULL: the outermost object */
void hr_ml_io_end(struct hr_ml_io *io);
void hr_ml_io_i64(struct hr_ml_io *io, const char *name, int64_t *v);
void hr_ml_io_f64(struct hr_ml_io *io, const char *name, double *v); /* finite */
/* A number of things: between 0 and max. */
void hr_ml_io_count(struct hr_ml_io *io, const char *name, uint32_t *n, uint32_t max);
/* count is known and must be met. */
void hr_ml_io_f64s(struct hr_ml_io *io, const char *name, double *v, size_t count);
void hr_ml_io_i64s(struct hr_ml_io *io, const char *name, int64_t *v, size_t count);
void hr_ml_io_u32s(struct hr_ml_io *io, const char *name, uint32_t *v, size_t count);
/* Texts are copied into the arena when read. *v NULL is written as null. */
void hr_ml_io_str(struct hr_ml_io *io, const char *name, char **v, struct hr_arena *arena);
void hr_ml_io_strs(struct hr_ml_io *io, const char *name, char **v, size_t count,
                   struct hr_arena *arena);

#endif
