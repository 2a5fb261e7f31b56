/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches in memory that processes share: written once by a worker process, read in place by the
 * driver and by every worker that is forked later.
 *
 *   batch:   u32 rows │ u32 has weights │ [weights] │ columns
 *   column:  u32 rows │ u32 has validity │ [validity words] │ values │ children
 *   strings: their 16-byte views, u64 size, the bytes; a long view holds its offset in the bytes
 *
 * Arrays begin at multiples of 64 bytes, so that they are columns as they stand. Only the pointers
 * of long strings must be set: the reader does that once. Each large batch is a mapping of its own
 * and goes with its last reference; forking does not copy the page tables of such mappings.
 * Against the bytes of column/batch_bytes.c this spares the copy and the checksum: the memory never
 * leaves the machine and ends with the processes. Lengths and offsets are checked all the same.
 *
 * Threads: a writer and a reader belong to one; batches are as immutable as all others.
 */
#ifndef HR_RDD_SHARED_BATCH_H
#define HR_RDD_SHARED_BATCH_H

#include "column/column.h"

/* Appends to a file from `base` (a multiple of the page size) on, through a buffer; large arrays go
 * to the file directly. By write(2), so that running out of memory is an error and not a signal. */
struct hr_shared_writer {
    int fd;
    uint64_t base, written, max; /* written: bytes behind base that are in the file */
    struct hr_buf buf;
};
/* The live rows of batch. *ret_offset, *ret_size: where they are behind base. */
hr_status hr_shared_put_batch(struct hr_shared_writer *w, const struct hr_batch *batch,
                              uint64_t *ret_offset, uint64_t *ret_size,
                              struct hr_err *err) HR_CHECKED;
/* Bytes as they are, behind what was put. */
hr_status hr_shared_put(struct hr_shared_writer *w, const void *data, size_t size,
                        struct hr_err *err) HR_CHECKED;
hr_status hr_shared_flush(struct hr_shared_writer *w, struct hr_err *err) HR_CHECKED;

/* The batch in size bytes of fd from offset on, over their memory; the caller's. A mapping is
 * read-only from then on, so that no worker forked later can write to what the driver reads.
 * HR_E_IO when the bytes are damaged. */
hr_status hr_shared_get_batch(int fd, uint64_t offset, uint64_t size, const struct hr_type *schema,
                              struct hr_batch **ret, struct hr_err *err) HR_CHECKED;
/* Replaces each batch by the same live rows in one shared mapping, which goes with the last of
 * them. Small lists stay as they are; so do all when this fails: then forks are slower, no more. */
hr_status hr_shared_move(struct hr_batch **batches, uint32_t count, struct hr_err *err) HR_CHECKED;

/* Reads size bytes from offset on to `to`. */
hr_status hr_shared_read(int fd, uint64_t offset, void *to, size_t size,
                         struct hr_err *err) HR_CHECKED;

#endif
