/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record log: an append-only file of checksummed records, for whatever must be read back after a
 * crash exactly as it was acknowledged, or not at all. The query's journal and the file source's
 * log are such files.
 *
 *   file   = magic (8 bytes), record …, zeros up to its preallocated size
 *   record = length u32 │ crc32c u32 │ previous u64 │ number u64 │ durable u64 │ payload[length]
 *
 * crc covers everything else of the record. previous is the XXH3 of the record before (of the
 * file's base name for the first), so that a record of an older life of the file is never taken for
 * a new one. number counts from 0. durable says how many records were known to be on disk when this
 * one was written: it tells a torn tail from a damaged middle.
 *
 * Reading goes to the first place that is no valid record. Zeros behind it: the end. Something
 * else: what a crash left of records that were never acknowledged, and is cut off by the next
 * append — unless a later record says that those were durable: then the log is damaged
 * (HR_E_CHECKPOINT_CORRUPT) and nothing of it is changed.
 *
 * A file appears whole (written aside, synced, renamed): one without its magic is damaged.
 * Preallocated zeros are overwritten, one pwrite and one fdatasync a durable append, about half the
 * time of a growing file.
 *
 * A failed write or sync makes the log unusable (HR_E_IO_FATAL): the same descriptor is never
 * synced again.
 *
 * Threads: one at a time.
 */
#ifndef HR_BASE_RECORD_LOG_H
#define HR_BASE_RECORD_LOG_H

#include "base/env.h"

struct hr_record_log_kind {
    char magic[9];         /* 8 characters and NUL */
    uint32_t extend_bytes; /* zeros written ahead, at a time; 0: none, the file grows */
};

/* payload is borrowed during the call; number counts from 0. */
typedef hr_status (*hr_record_log_fn)(void *arg, uint64_t number, struct hr_str_view payload,
                                      struct hr_err *err);

struct hr_record_log;

/* Creates (or replaces) the file with these first records, durable and at once; open for appends.
 * The folder is synced. */
hr_status hr_record_log_create(struct hr_env *env, const char *path,
                               const struct hr_record_log_kind *kind,
                               const struct hr_str_view *payloads, uint32_t count,
                               struct hr_record_log **ret, struct hr_err *err) HR_CHECKED;
/* Opens a file that is there and gives its records to fn, oldest first. Does not change it: a torn
 * tail is cut by the first append. HR_E_NOT_FOUND, HR_E_CHECKPOINT_CORRUPT, or what fn failed with.
 */
hr_status hr_record_log_open(struct hr_env *env, const char *path,
                             const struct hr_record_log_kind *kind, hr_record_log_fn fn, void *arg,
                             struct hr_record_log **ret, struct hr_err *err) HR_CHECKED;
void hr_record_log_close(struct hr_record_log *log); /* NULL is fine */
/* The same, read only. */
hr_status hr_record_log_read(struct hr_env *env, const char *path,
                             const struct hr_record_log_kind *kind, hr_record_log_fn fn, void *arg,
                             struct hr_err *err) HR_CHECKED;

/* Appends a record. durable: it and all before it are on disk on return; else it becomes so with
 * the next durable one. */
hr_status hr_record_log_append(struct hr_record_log *log, struct hr_str_view payload, bool durable,
                               struct hr_err *err) HR_CHECKED;

uint64_t hr_record_log_count(const struct hr_record_log *log);
int64_t hr_record_log_bytes(const struct hr_record_log *log); /* of magic and records */

#endif
