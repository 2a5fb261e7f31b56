/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The warehouse: a folder with what outlives a session. Its catalog is <folder>/_catalog.sqlite:
 * schemas, tables, views, and which files each table consists of. A table's folder is next to it;
 * a file counts only when the catalog names it, so that a write is there whole or not at all, and
 * readers of another process see one state or the next.
 *
 * Memory: what is found is in the caller's arena. Threads: any may use a warehouse, one call at a
 * time is inside; several processes take turns by SQLite's locks.
 */
#ifndef HR_CATALOG_WAREHOUSE_H
#define HR_CATALOG_WAREHOUSE_H

#include "base/env.h"
#include "base/options.h"

#define HR_WH_DEFAULT "default" /* the schema that is always there */

struct hr_wh;

/* create false: *ret NULL when there is no catalog in the folder. dir is made absolute. */
hr_status hr_wh_open(struct hr_env *env, const char *dir, bool create, struct hr_wh **ret,
                     struct hr_err *err) HR_CHECKED;
struct hr_wh *hr_wh_ref(struct hr_wh *wh);
void hr_wh_unref(struct hr_wh *wh); /* NULL is fine */
const char *hr_wh_dir(const struct hr_wh *wh);
struct hr_env *hr_wh_env(const struct hr_wh *wh);

/* --- Schemas (schema.c) ----------------------------------------------------------------------- */

struct hr_wh_schema {
    const char *name, *location, *comment; /* comment may be NULL */
    struct hr_options properties;
};
/* *ret NULL: there is none. */
hr_status hr_wh_schema_find(struct hr_wh *wh, struct hr_arena *arena, const char *name,
                            struct hr_wh_schema **ret, struct hr_err *err) HR_CHECKED;
hr_status hr_wh_schema_names(struct hr_wh *wh, struct hr_arena *arena, const char ***ret,
                             uint32_t *ret_count, struct hr_err *err) HR_CHECKED;
/* HR_E_EXISTS. location NULL: <warehouse>/<name>.db. */
hr_status hr_wh_schema_create(struct hr_wh *wh, const struct hr_wh_schema *schema,
                              struct hr_err *err) HR_CHECKED;
/* Comment, location and properties become these. */
hr_status hr_wh_schema_alter(struct hr_wh *wh, const struct hr_wh_schema *schema,
                             struct hr_err *err) HR_CHECKED;
/* *ret_dropped false: something is in it and cascade was not given. */
hr_status hr_wh_schema_drop(struct hr_wh *wh, const char *name, bool cascade, bool *ret_dropped,
                            struct hr_err *err) HR_CHECKED;

/* --- Tables and views (object.c) -------------------------------------------------------------- */

enum hr_wh_kind { HR_WH_MANAGED, HR_WH_EXTERNAL, HR_WH_VIEW };

struct hr_wh_column {
    const char *name, *type; /* as declared: "char(5)" */
    const char *comment;     /* or NULL */
    const char *def;         /* SQL of its DEFAULT, or NULL */
    const char *old;         /* what rows that are older than the column have: SQL, or NULL */
    bool nullable;
};

struct hr_wh_object {
    int64_t id;
    int64_t version; /* grows with every change of its definition */
    enum hr_wh_kind kind;
    const char *schema, *name;
    const char *provider, *location, *comment, *text; /* text: of a view's query */
    const char *context; /* a view's: the schema in which its names are looked up */
    struct hr_wh_column *columns;
    uint32_t column_count;
    uint32_t partition_count; /* of them, the last so many are the folders' */
    struct hr_options options, properties;
    int64_t created_us, rows, bytes; /* rows, bytes: by ANALYZE, -1 none */
};

/* *ret NULL: there is none. */
hr_status hr_wh_find(struct hr_wh *wh, struct hr_arena *arena, const char *schema,
                     const char *name, struct hr_wh_object **ret, struct hr_err *err) HR_CHECKED;
/* Names and kinds of a schema, sorted. */
struct hr_wh_name {
    const char *name;
    enum hr_wh_kind kind;
};
hr_status hr_wh_names(struct hr_wh *wh, struct hr_arena *arena, const char *schema,
                      struct hr_wh_name **ret, uint32_t *ret_count, struct hr_err *err) HR_CHECKED;

struct hr_wh_file {
    const char *path; /* below the table's location */
    int64_t bytes, mtime_us;
    uint32_t columns; /* that the table had when it was written */
};

/* New, with its files, in one transaction: HR_E_EXISTS when the name is taken, unless replace.
 * Sets id. */
hr_status hr_wh_create(struct hr_wh *wh, struct hr_wh_object *object,
                       const struct hr_wh_file *files, uint32_t file_count, bool replace,
                       struct hr_err *err) HR_CHECKED;
/* All but the files becomes what object says, if the version is still the same: else HR_E_AGAIN. */
hr_status hr_wh_alter(struct hr_wh *wh, const struct hr_wh_object *object,
                      struct hr_err *err) HR_CHECKED;
/* Gone, with its files and, of a managed table, its folder. */
hr_status hr_wh_drop(struct hr_wh *wh, const struct hr_wh_object *object,
                     struct hr_err *err) HR_CHECKED;
/* A folder for a new managed table, in which nothing is. */
hr_status hr_wh_new_location(struct hr_wh *wh, struct hr_arena *arena, const char *schema,
                             const char *name, const char **ret, struct hr_err *err) HR_CHECKED;

/* --- Files (files.c) -------------------------------------------------------------------------- */

/* HR_E_NOT_FOUND when the table is gone. */
hr_status hr_wh_files(struct hr_wh *wh, struct hr_arena *arena, int64_t object,
                      struct hr_wh_file **ret, uint32_t *ret_count,
                      struct hr_err *err) HR_CHECKED;

enum hr_wh_write {
    HR_WH_APPEND,
    HR_WH_REPLACE,         /* all files and partitions go */
    HR_WH_TRUNCATE,        /* all files go */
    HR_WH_REPLACE_BELOW,   /* those go whose path begins with prefix */
    HR_WH_REPLACE_WRITTEN, /* those go that are in a folder with new ones */
};
struct hr_wh_publish {
    int64_t object, version;
    enum hr_wh_write how;
    const char *const *prefixes; /* REPLACE_BELOW: "a=1/" …, each ends in '/' */
    uint32_t prefix_count;
    bool keeps_partitions; /* those below the prefixes stay, empty */
    const struct hr_wh_file *files;
    uint32_t file_count;
    const char *query_id; /* of a stream, or NULL */
    int64_t epoch;
};
/* One transaction. HR_E_NOT_FOUND: the table is gone; HR_E_AGAIN: it is another by now. */
hr_status hr_wh_publish(struct hr_wh *wh, const char *location, const struct hr_wh_publish *what,
                        struct hr_err *err) HR_CHECKED;
/* The last epoch of the query that was published, -1: none. */
hr_status hr_wh_mark(struct hr_wh *wh, int64_t object, const char *query_id, int64_t *ret_epoch,
                     struct hr_err *err) HR_CHECKED;

/* Partitions by their folders, "a=1/b=x", sorted. */
hr_status hr_wh_partitions(struct hr_wh *wh, struct hr_arena *arena, int64_t object,
                           const char ***ret, uint32_t *ret_count, struct hr_err *err) HR_CHECKED;
hr_status hr_wh_partition_add(struct hr_wh *wh, int64_t object, const char *spec,
                              struct hr_err *err) HR_CHECKED;
/* With its files. */
hr_status hr_wh_partition_drop(struct hr_wh *wh, const struct hr_wh_object *table,
                               const char *spec, struct hr_err *err) HR_CHECKED;
/* The partitions whose folders lie in the table's and that the catalog does not know: with their
 * files they are the table's from now on (RECOVER PARTITIONS). */
hr_status hr_wh_adopt(struct hr_wh *wh, const struct hr_wh_object *table,
                      struct hr_err *err) HR_CHECKED;

/* --- Routines: text by name, for CREATE FUNCTION (schema.c) ----------------------------------- */

hr_status hr_wh_routine_put(struct hr_wh *wh, const char *schema, const char *name,
                            const char *text, bool replace, struct hr_err *err) HR_CHECKED;
/* *ret NULL: there is none. */
hr_status hr_wh_routine_find(struct hr_wh *wh, struct hr_arena *arena, const char *schema,
                             const char *name, const char **ret, struct hr_err *err) HR_CHECKED;
hr_status hr_wh_routine_names(struct hr_wh *wh, struct hr_arena *arena, const char *schema,
                              const char ***ret, uint32_t *ret_count,
                              struct hr_err *err) HR_CHECKED;
hr_status hr_wh_routine_drop(struct hr_wh *wh, const char *schema, const char *name,
                             bool *ret_dropped, struct hr_err *err) HR_CHECKED;

#endif
