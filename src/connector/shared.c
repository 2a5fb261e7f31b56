/* SPDX-License-Identifier: Apache-2.0 */
/* What several connectors share. */
#include "connector/connector.h"

hr_status hr_connector_project(struct hr_batch *batch, const struct hr_type *wanted,
                               struct hr_batch **ret, struct hr_err *err)
{
    if (batch->schema == wanted) {
        *ret = batch;
        return HR_OK;
    }
    uint32_t small[64], *indexes = small;
    hr_status status = HR_OK;
    if (wanted->field_count > HR_COUNT(small))
        indexes = hr_alloc(sizeof *indexes * wanted->field_count);
    if (!indexes) status = HR_OOM(err);
    for (uint32_t i = 0; !status && i < wanted->field_count; i++) {
        int32_t at = hr_type_field_index(batch->schema, hr_sv(wanted->fields[i].name));
        if (at < 0)
            status = HR_BUG(err, "the source has no column %s", wanted->fields[i].name);
        else
            indexes[i] = (uint32_t)at;
    }
    struct hr_batch *out = status ? NULL : hr_batch_project(batch, wanted, indexes);
    if (!status && !out) status = HR_OOM(err);
    if (indexes != small) hr_free(indexes);
    hr_batch_unref(batch);
    if (!status) *ret = out;
    return status;
}

hr_status hr_connector_fixed_schema(const char *source, const struct hr_type *given,
                                    const struct hr_type *own, struct hr_err *err)
{
    if (!given || given->field_count == 0) return HR_OK;
    bool same = given->field_count == own->field_count;
    for (uint32_t i = 0; same && i < own->field_count; i++)
        same = hr_str_eq_nocase(given->fields[i].name, own->fields[i].name) &&
               hr_type_same(given->fields[i].type, own->fields[i].type);
    if (same) return HR_OK;
    struct hr_buf text = {0};
    hr_type_print_simple(own, &text);
    HR_FAIL(err, HR_E_INVALID_ARGUMENT, "source %s has its own columns, %s; leave the list out",
            source, hr_buf_cstr(&text));
    hr_buf_done(&text);
    return HR_E_INVALID_ARGUMENT;
}

hr_status hr_connector_parse_offset(const char *text, int64_t *ret, struct hr_err *err)
{
    if (!text || !hr_parse_i64(hr_sv(text), ret))
        return HR_FAIL(err, HR_E_CHECKPOINT_CORRUPT, "not an offset: %s", text ? text : "nothing");
    return HR_OK;
}
