/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secrets.h"

#include <stdio.h>

#include "base/options.h"

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '.' || c == '-';
}

static bool is_secret_key(const char *p, size_t len)
{
    char key[128];
    snprintf(key, sizeof key, "%.*s", (int)HR_MIN(len, sizeof key - 1), p);
    return hr_option_is_secret(key);
}

static void mask(char *p, const char *end)
{
    while (p < end) *p++ = '*';
}

/* user:password@ behind every :// of [p, end). */
static void hide_in_addresses(char *p, char *end)
{
    while (end - p > 3 && (p = memmem(p, (size_t)(end - p), "://", 3))) {
        char *host = p += 3, *colon = NULL, *at = NULL;
        for (; p < end && !strchr("/?# \t\n", *p); p++) {
            if (*p == ':' && !colon) colon = p;
            if (*p == '@') at = p;
        }
        if (at && colon && colon < at) mask(colon + 1, at);
        HR_UNUSED(host);
    }
}

/* key=value pairs whose key is a secret's: of libpq, of query strings, of JAAS. */
static void hide_in_pairs(char *p, char *end)
{
    char *word = p;
    for (; p < end; p++) {
        if (is_word(*p)) continue;
        if (*p != '=' || !is_secret_key(word, (size_t)(p - word))) {
            word = p + 1;
            continue;
        }
        char *value = p + 1;
        const char *stops = value < end && (*value == '"' || *value == '\'') ? (char[]){*value, 0}
                                                                             : " \t\n&;,'\"";
        if (strlen(stops) == 1) value++;
        for (p = value; p < end && !strchr(stops, *p);) p++;
        mask(value, p);
        word = p + 1;
        if (p >= end) return;
    }
}

void hr_hide_secret_value(const char *key, char *value, size_t len)
{
    if (hr_option_is_secret(key)) {
        mask(value, value + len);
        return;
    }
    hide_in_addresses(value, value + len);
    hide_in_pairs(value, value + len);
}

/* Behind the quote at p: the closing one, or end. */
static char *closing(char *p, char *end, char quote)
{
    for (; p < end; p++) {
        if (*p == '\\' && p + 1 < end && quote != '`') p++;
        else if (*p == quote && p + 1 < end && p[1] == quote) p++;
        else if (*p == quote) return p;
    }
    return end;
}

void hr_hide_secrets(char *text, size_t len)
{
    char *p = text, *end = text + len;
    bool secret = false; /* the key that was read last */
    while (p < end) {
        if (*p == '\'' || *p == '"' || *p == '`') {
            char *inside = p + 1, *stop = closing(inside, end, *p);
            bool is_key = is_secret_key(inside, (size_t)(stop - inside)) && *p != '\'';
            if (secret && *p != '`') {
                mask(inside, stop);
                secret = false;
            } else {
                /* OPTIONS ('password' 'x'): a short text without blanks may be a key itself. */
                bool plain = !memchr(inside, ' ', (size_t)(stop - inside)) && stop - inside < 100;
                hide_in_addresses(inside, stop);
                hide_in_pairs(inside, stop);
                secret = is_key || (plain && is_secret_key(inside, (size_t)(stop - inside)));
            }
            p = stop < end ? stop + 1 : end;
        } else if (is_word(*p)) {
            char *word = p;
            while (p < end && is_word(*p)) p++;
            secret = is_secret_key(word, (size_t)(p - word));
        } else {
            if (*p == ',' || *p == ')' || *p == ';') secret = false;
            p++;
        }
    }
}
