/* SPDX-License-Identifier: Apache-2.0 */
#include "operator/dead_letters.h"

#include "base/plant.h"
#include "column/type_parse.h"
#include "operator/physical.h"

#define LETTER_ROWS  1024u
#define LETTER_BYTES (1u << 20)

const struct hr_type *hr_dead_letter_schema(void)
{
    const struct hr_type *schema = NULL;
    return hr_schema_parse(hr_sv(HR_DEAD_LETTER_COLUMNS), &schema, NULL) ? NULL : schema;
}

static void put_text(struct hr_builder *b, const char *text)
{
    if (text)
        hr_builder_str(b, hr_sv(text));
    else
        hr_builder_null(b);
}

static hr_status put(struct hr_bad_rows *rows, struct hr_str_view raw, int64_t at, const char *why,
                     struct hr_err *err)
{
    struct hr_dead_letters *dead = HR_CONTAINER_OF(rows, struct hr_dead_letters, rows);
    const struct hr_exec *exec = dead->exec;
    if (!dead->building) {
        const struct hr_type *schema = hr_dead_letter_schema();
        if (!schema) return HR_OOM(err);
        HR_TRY(hr_batch_builder_init(&dead->builder, schema, 16, exec->mem, err));
        dead->building = true;
    }
    struct hr_builder **c = dead->builder.columns;
    int64_t offset = dead->offset ? dead->offset(dead->arg, at) : at < 0 ? -1 : dead->first + at;
    if (HR_PLANTED(DEAD_OFFSET)) offset = dead->first;
    hr_builder_i64(c[0], exec->now_us);
    put_text(c[1], exec->query_name);
    hr_builder_i64(c[2], HR_MAX(exec->epoch, INT64_C(0)));
    put_text(c[3], dead->source);
    put_text(c[4], dead->partition);
    if (offset < 0)
        hr_builder_null(c[5]);
    else
        hr_builder_i64(c[5], offset);
    put_text(c[6], why);
    hr_builder_str(c[7], raw.ptr ? raw : hr_sv(""));
    dead->count++;
    dead->bytes += raw.len;
    bool full = dead->count >= LETTER_ROWS || dead->bytes >= LETTER_BYTES;
    return full ? hr_dead_letters_flush(dead, err) : HR_OK;
}

void hr_dead_letters_init(struct hr_dead_letters *dead, struct hr_exec *exec, const char *source,
                          uint32_t number, uint32_t attempt)
{
    *dead = (struct hr_dead_letters){
        .rows = {put}, .exec = exec, .source = source, .number = number, .attempt = attempt};
}

hr_status hr_dead_letters_flush(struct hr_dead_letters *dead, struct hr_err *err)
{
    if (!dead->building) return HR_OK;
    struct hr_batch *batch = NULL;
    HR_TRY(hr_batch_builder_finish(&dead->builder, &batch, err));
    dead->building = false;
    dead->count = 0;
    dead->bytes = 0;
    hr_status status =
        dead->exec->dead_letters(dead->exec, dead->number, dead->attempt, batch, err);
    hr_batch_unref(batch);
    return status;
}

void hr_dead_letters_done(struct hr_dead_letters *dead)
{
    if (dead->building) hr_batch_builder_done(&dead->builder);
    dead->building = false;
}
