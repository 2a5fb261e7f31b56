/* SPDX-License-Identifier: Apache-2.0 */
/* The formats that this build has, the rows of formats.def, and what their users share. */
#include "format/format.h"

#include "column/type_parse.h"

#define X(id, name, kind) extern const struct hr_format_vt hr_format_##id;
#include "format/formats.def"
#undef X

static const struct hr_format_vt *const formats[] = {
#define X(id, name, kind) &hr_format_##id,
#include "format/formats.def"
#undef X
};

const struct hr_format_vt *hr_format_at(size_t index)
{
    static const struct {
        const char *name;
        enum hr_format_kind kind;
    } rows[] = {
#define X(id, name, kind) {name, HR_FORMAT_##kind},
#include "format/formats.def"
#undef X
    };
    if (index >= HR_COUNT(formats)) return NULL;
    const struct hr_format_vt *format = formats[index];
    assert(strcmp(format->name, rows[index].name) == 0);
    assert((format->container != NULL) == (rows[index].kind != HR_FORMAT_STREAM));
    assert(!format->decoder_open || (format->feed && format->next && format->decoder_close));
    assert(!format->encoder_open || (format->encode && format->encoder_close));
    return format;
}

const struct hr_format_vt *hr_format_find(const char *name)
{
    for (size_t i = 0; i < HR_COUNT(formats); i++)
        if (hr_str_eq_nocase(formats[i]->name, name)) return hr_format_at(i);
    return NULL;
}

static bool can(const struct hr_format_vt *format, enum hr_format_use use)
{
    switch (use) {
    case HR_FORMAT_LINES_IN: return format->decoder_open && format->splits;
    case HR_FORMAT_MESSAGES_IN: return format->decoder_open && format->messages;
    case HR_FORMAT_RECORDS_OUT:
        return format->encoder_open && (!format->container || format->messages);
    }
    return false;
}

hr_status hr_format_choose(const char *name, enum hr_format_use use,
                           const struct hr_format_vt **ret, struct hr_err *err)
{
    static const char *const uses[] = {"lines of a connection", "messages", "separate records"};
    struct hr_buf known = {0};
    const struct hr_format_vt *format = hr_format_find(name);
    if (format && can(format, use)) {
        *ret = format;
        return HR_OK;
    }
    for (size_t i = 0; i < HR_COUNT(formats); i++)
        if (can(formats[i], use))
            hr_buf_printf(&known, "%s%s", known.len ? ", " : "", formats[i]->name);
    hr_status status = hr_buf_status(&known, err);
    if (!status)
        status = HR_FAIL(err, HR_E_INVALID_OPTION, "option format: %s is %s %s; there are: %s",
                         name, format ? "no format of" : "unknown for", uses[use],
                         hr_buf_cstr(&known));
    hr_buf_done(&known);
    return status;
}

hr_status hr_format_schema(const struct hr_format_vt *format, const struct hr_type *given,
                           const char *what, const struct hr_type **ret, struct hr_err *err)
{
    if (given && given->field_count) {
        if (format->check) HR_TRY(format->check(given, false, err));
        *ret = given;
        return HR_OK;
    }
    if (format->columns) return hr_schema_parse(hr_sv(format->columns), ret, err);
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s of format %s needs its columns to be given",
                   what, format->name);
}
