/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON text as a tree, for importing models. */
#ifndef HR_ML_JSON_H
#define HR_ML_JSON_H

#include "base/arena.h"

enum hr_ml_json_kind {
    HR_ML_JSON_NULL,
    HR_ML_JSON_BOOL,
    HR_ML_JSON_NUMBER, /* text: as written */
    HR_ML_JSON_STRING, /* text: unescaped */
    HR_ML_JSON_ARRAY,
    HR_ML_JSON_OBJECT,
};
struct hr_ml_json {
    enum hr_ml_json_kind kind;
    bool boolean;
    struct hr_str_view name; /* of a member of an object */
    struct hr_str_view text;
    const struct hr_ml_json *first, *next; /* of its items; of those beside it */
    uint32_t count;
};

/* All of text. HR_E_ML_FORMAT says where it is no JSON. */
hr_status hr_ml_json_parse(struct hr_arena *arena, struct hr_str_view text,
                           const struct hr_ml_json **ret, struct hr_err *err) HR_CHECKED;
/* The member of an object, or NULL. */
const struct hr_ml_json *hr_ml_json_get(const struct hr_ml_json *object, const char *name);

#endif
