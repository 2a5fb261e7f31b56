/* SPDX-License-Identifier: Apache-2.0 */
/* What an action is given: one JSON object. */
#include "alert/internal.h"
#include "base/datetime.h"

/* The end of the JSON value at p, which is sound: the encoder made it. */
static const char *value_end(const char *p)
{
    int depth = 0;
    bool quoted = false;
    for (; *p; p++) {
        if (quoted) {
            if (*p == '\\' && p[1]) p++;
            else if (*p == '"') quoted = false;
        } else if (*p == '"') {
            quoted = true;
        } else if (*p == '{' || *p == '[') {
            depth++;
        } else if (*p == '}' || *p == ']') {
            if (depth-- == 0) return p;
        } else if (*p == ',' && depth == 0) {
            return p;
        }
    }
    return p;
}

/* The member of that name of a JSON object of one line. */
static struct hr_str_view member(const char *row, struct hr_str_view name)
{
    const char *p = row && *row == '{' ? row + 1 : "";
    while (*p == '"') {
        const char *start = p + 1, *end = start;
        while (*end && *end != '"') end += *end == '\\' && end[1] ? 2 : 1;
        if (!*end || end[1] != ':') break;
        const char *value = end + 2, *after = value_end(value);
        if ((size_t)(end - start) == name.len && memcmp(start, name.ptr, name.len) == 0)
            return hr_svn(value, (size_t)(after - value));
        p = *after == ',' ? after + 1 : after;
    }
    return hr_svn("", 0);
}

void hr_alert_put_summary(const struct hr_alert *alert, const char *row, struct hr_buf *out)
{
    for (const char *p = alert->comment ? alert->comment : alert->name; *p; p++) {
        const char *end = *p == '{' ? strchr(p, '}') : NULL;
        struct hr_str_view value =
            end ? member(row, hr_svn(p + 1, (size_t)(end - p - 1))) : hr_svn("", 0);
        if (!value.len) {
            hr_buf_putc(out, *p);
            continue;
        }
        if (value.len >= 2 && value.ptr[0] == '"') value = hr_svn(value.ptr + 1, value.len - 2);
        hr_buf_put_sv(out, value);
        p = end;
    }
}

void hr_alert_put_body(struct hr_alert *alert, const struct hr_alert_instance *i, const char *id,
                       bool firing, struct hr_buf *out)
{
    const char *status = firing ? "firing" : "resolved";
    struct hr_buf summary = {0};
    hr_alert_put_summary(alert, i->row, &summary);
    hr_buf_printf(out, "{\"version\":1,\"id\":\"%s\",\"alert\":", id);
    hr_buf_put_json(out, hr_sv(alert->name));
    hr_buf_printf(out, ",\"status\":\"%s\",\"severity\":\"%s\",\"summary\":", status,
                  alert->severity);
    hr_buf_put_json(out, hr_svn(summary.ptr, summary.len));
    hr_buf_printf(out, ",\"group\":{},\"instances\":[{\"key\":%s,\"status\":\"%s\",\"startsAt\":",
                  i->key, status);
    hr_put_json_time(i->fired_us, out);
    hr_buf_puts(out, ",\"endsAt\":");
    hr_put_json_time(i->ended_us, out);
    hr_buf_printf(out, ",\"epoch\":%lld,\"transition\":%lld,\"row\":%s}]}",
                  (long long)alert->epoch, (long long)i->transition, i->row ? i->row : "{}");
    if (summary.failed) out->failed = true;
    hr_buf_done(&summary);
}
