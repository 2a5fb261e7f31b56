/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The models of a session by name, and what of them may be seen: snapshots. A learner publishes a
 * snapshot when its epoch is committed; a reader pins the snapshots it needs for a statement or an
 * epoch, so that all of its rows are scored by one version. A snapshot never changes.
 *
 * Threads: any. An entry lives as long as its store, dropped or not: plans point to it.
 */
#ifndef HR_ML_STORE_H
#define HR_ML_STORE_H

#include <pthread.h>

#include "ml/ml.h"

struct hr_ml_snapshot {
    _Atomic uint32_t refs;
    struct hr_ml_model *model;
    int64_t version;
    uint64_t digest; /* of its bytes: two models of one version are told apart */
};

struct hr_ml_entry {
    struct hr_ml_entry *next;
    struct hr_arena arena; /* of all below that never changes */
    const char *name;
    const struct hr_ml_vt *vt;
    struct hr_options options;
    struct hr_ml_input *inputs; /* as declared; NULL: those of the first training */
    uint32_t input_count;
    const char *label;              /* as declared, or NULL */
    pthread_mutex_t lock;           /* of the rest */
    struct hr_ml_snapshot *current; /* NULL: it has learned nothing yet */
    _Atomic bool dropped;
};

struct hr_ml_store {
    pthread_mutex_t lock;
    struct hr_ml_entry *entries; /* in order of making, dropped ones too */
};

struct hr_ml_pin {
    struct hr_ml_entry *entry;
    struct hr_ml_snapshot *snapshot; /* NULL: untrained then */
};
struct hr_ml_pins {
    struct hr_ml_pin *items;
    uint32_t count;
};

hr_status hr_ml_store_init(struct hr_ml_store *store, struct hr_err *err) HR_CHECKED;
void hr_ml_store_done(struct hr_ml_store *store);
/* Any case; NULL when there is none. store may be NULL. */
struct hr_ml_entry *hr_ml_store_find(struct hr_ml_store *store, const char *name);
/* By number among those not dropped; NULL behind the last. */
struct hr_ml_entry *hr_ml_store_at(struct hr_ml_store *store, uint32_t index);

struct hr_ml_entry_spec {
    const char *name;
    const struct hr_ml_vt *vt;
    const struct hr_options *options; /* may be NULL */
    const struct hr_ml_input *inputs; /* may be NULL */
    uint32_t input_count;
    const char *label; /* may be NULL */
};
/* Takes no part of spec over. Names are the caller's to check. */
hr_status hr_ml_store_add(struct hr_ml_store *store, const struct hr_ml_entry_spec *spec,
                          struct hr_ml_entry **ret, struct hr_err *err) HR_CHECKED;
void hr_ml_store_drop(struct hr_ml_entry *entry);

/* The current snapshot, referenced for the caller; NULL: untrained. */
struct hr_ml_snapshot *hr_ml_entry_current(struct hr_ml_entry *entry);
struct hr_ml_snapshot *hr_ml_snapshot_ref(struct hr_ml_snapshot *snapshot);
void hr_ml_snapshot_unref(struct hr_ml_snapshot *snapshot); /* NULL is fine */
/* A copy of the model as it is now, seen by whoever pins from now on. The same version with the
 * same bytes is not published twice. */
hr_status hr_ml_publish(struct hr_ml_entry *entry, struct hr_ml_model *model,
                        struct hr_err *err) HR_CHECKED;
hr_status hr_ml_snapshot_from(struct hr_str_view bytes, struct hr_ml_snapshot **ret,
                              struct hr_err *err) HR_CHECKED;

/* All models of the store as they are now. */
hr_status hr_ml_pin_all(struct hr_ml_store *store, struct hr_ml_pins *ret,
                        struct hr_err *err) HR_CHECKED;
void hr_ml_unpin(struct hr_ml_pins *pins);
/* The pin of the entry, or NULL when it is not pinned. */
const struct hr_ml_pin *hr_ml_pinned(const struct hr_ml_pins *pins,
                                     const struct hr_ml_entry *entry);

#endif
