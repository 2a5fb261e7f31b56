/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/query.h"

static bool strip_word(struct hr_str_view *text, const char *word)
{
    size_t len = strlen(word);
    if (text->len < len || !hr_sv_eq_nocase(hr_svn(text->ptr, len), hr_sv(word))) return false;
    *text = hr_sv_trim(hr_svn(text->ptr + len, text->len - len));
    return true;
}

hr_status hr_trigger_parse(struct hr_str_view text, struct hr_trigger *ret, struct hr_err *err)
{
    struct hr_str_view rest = hr_sv_trim(text);
    if (hr_sv_eq_nocase(rest, hr_sv("once"))) {
        *ret = (struct hr_trigger){HR_TRIGGER_ONCE, 0};
        return HR_OK;
    }
    if (hr_sv_eq_nocase(rest, hr_sv("available now")) ||
        hr_sv_eq_nocase(rest, hr_sv("availablenow"))) {
        *ret = (struct hr_trigger){HR_TRIGGER_AVAILABLE_NOW, 0};
        return HR_OK;
    }
    if (hr_sv_eq_nocase(rest, hr_sv("as soon as possible")) ||
        hr_sv_eq_nocase(rest, hr_sv("asap"))) {
        *ret = (struct hr_trigger){HR_TRIGGER_ASAP, 0};
        return HR_OK;
    }
    if (!strip_word(&rest, "processing time")) strip_word(&rest, "processingtime");
    int64_t interval_us;
    if (!hr_parse_duration(rest, &interval_us) || interval_us < 0)
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option trigger: '%.*s' is none of '10 seconds', 'available now', 'once', "
                       "'as soon as possible'",
                       (int)HR_MIN(text.len, (size_t)100), text.ptr);
    *ret = (struct hr_trigger){interval_us > 0 ? HR_TRIGGER_PROCESSING_TIME : HR_TRIGGER_ASAP,
                               interval_us};
    return HR_OK;
}
