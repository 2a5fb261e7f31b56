/* SPDX-License-Identifier: Apache-2.0 */
/* Without SQLite there is no warehouse: nothing else here is ever called. */
#include "catalog/warehouse.h"
#include "hr_config.h"

#if !HR_HAVE_SQLITE
hr_status hr_wh_open(struct hr_env *env, const char *dir, bool create, struct hr_wh **ret,
                     struct hr_err *err)
{
    HR_UNUSED(env);
    HR_UNUSED(dir);
    if (create)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED, "tables that are kept need a build with SQLite");
    *ret = NULL;
    return HR_OK;
}

void hr_wh_unref(struct hr_wh *wh)
{
    HR_UNUSED(wh);
}

struct hr_wh *hr_wh_ref(struct hr_wh *wh)
{
    return wh;
}

struct hr_env *hr_wh_env(const struct hr_wh *wh)
{
    HR_UNUSED(wh);
    return hr_env_default();
}

#define ABSENT(name, ...) \
    hr_status name(__VA_ARGS__) { return HR_FAIL(err, HR_E_NOT_SUPPORTED, "no SQLite"); }
ABSENT(hr_wh_schema_find, struct hr_wh *w, struct hr_arena *a, const char *n,
       struct hr_wh_schema **r, struct hr_err *err)
ABSENT(hr_wh_schema_names, struct hr_wh *w, struct hr_arena *a, const char ***r, uint32_t *c,
       struct hr_err *err)
ABSENT(hr_wh_schema_create, struct hr_wh *w, const struct hr_wh_schema *s, struct hr_err *err)
ABSENT(hr_wh_schema_alter, struct hr_wh *w, const struct hr_wh_schema *s, struct hr_err *err)
ABSENT(hr_wh_schema_drop, struct hr_wh *w, const char *n, bool c, bool *r, struct hr_err *err)
ABSENT(hr_wh_find, struct hr_wh *w, struct hr_arena *a, const char *s, const char *n,
       struct hr_wh_object **r, struct hr_err *err)
ABSENT(hr_wh_names, struct hr_wh *w, struct hr_arena *a, const char *s, struct hr_wh_name **r,
       uint32_t *c, struct hr_err *err)
ABSENT(hr_wh_create, struct hr_wh *w, struct hr_wh_object *o, const struct hr_wh_file *f,
       uint32_t c, bool r, struct hr_err *err)
ABSENT(hr_wh_alter, struct hr_wh *w, const struct hr_wh_object *o, struct hr_err *err)
ABSENT(hr_wh_drop, struct hr_wh *w, const struct hr_wh_object *o, struct hr_err *err)
ABSENT(hr_wh_new_location, struct hr_wh *w, struct hr_arena *a, const char *s, const char *n,
       const char **r, struct hr_err *err)
ABSENT(hr_wh_files, struct hr_wh *w, struct hr_arena *a, int64_t o, struct hr_wh_file **r,
       uint32_t *c, struct hr_err *err)
ABSENT(hr_wh_publish, struct hr_wh *w, const char *l, const struct hr_wh_publish *p,
       struct hr_err *err)
ABSENT(hr_wh_mark, struct hr_wh *w, int64_t o, const char *q, int64_t *r, struct hr_err *err)
ABSENT(hr_wh_partitions, struct hr_wh *w, struct hr_arena *a, int64_t o, const char ***r,
       uint32_t *c, struct hr_err *err)
ABSENT(hr_wh_partition_add, struct hr_wh *w, int64_t o, const char *s, struct hr_err *err)
ABSENT(hr_wh_partition_drop, struct hr_wh *w, const struct hr_wh_object *o, const char *s,
       struct hr_err *err)
ABSENT(hr_wh_adopt, struct hr_wh *w, const struct hr_wh_object *o, struct hr_err *err)
#endif
