/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL texts: the parser must come to an end with a statement or an error whose position lies in the
 * text, and printing a plan must not fail either.
 */
#include <stdint.h>

#include "sql/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    for (size_t pos = 0; pos < size;) {
        struct hr_arena arena;
        struct hr_stmt *stmt = NULL;
        struct hr_str_view view = {0};
        struct hr_err err;
        size_t before = pos;
        hr_arena_init(&arena, NULL);
        hr_err_init(&err);
        hr_status status = hr_sql_parse_next(&arena, text, size, &pos, &stmt, &view, &err);
        if (pos <= before && (stmt || status != HR_OK)) __builtin_trap(); /* no way forward */
        if (status != HR_OK && (err.sql_pos > (int32_t)view.len || !err.msg[0])) __builtin_trap();
        if (status == HR_OK && stmt && stmt->plan) {
            struct hr_buf buf = {.max_bytes = 1 << 20};
            hr_plan_print(stmt->plan, &buf);
            hr_buf_done(&buf);
        }
        hr_arena_done(&arena);
        if (status == HR_OK && !stmt) break;
    }
    return 0;
}
