/* SPDX-License-Identifier: Apache-2.0 */
/* Interned types: one table behind a mutex; what is found there lives as long as the process. */
#include "column/type.h"

#include "base/thread.h"

#include "base/datetime.h"
#include "base/hash.h"

const struct hr_type_info hr_type_info[HR_T_COUNT] = {
    [HR_T_NULL] = {"VOID", 0, "n"},
    [HR_T_BOOLEAN] = {"BOOLEAN", 0, "b"},
    [HR_T_BYTE] = {"TINYINT", 1, "c"},
    [HR_T_SHORT] = {"SMALLINT", 2, "s"},
    [HR_T_INT] = {"INT", 4, "i"},
    [HR_T_LONG] = {"BIGINT", 8, "l"},
    [HR_T_FLOAT] = {"FLOAT", 4, "f"},
    [HR_T_DOUBLE] = {"DOUBLE", 8, "g"},
    [HR_T_DECIMAL] = {"DECIMAL", 16, NULL},
    [HR_T_STRING] = {"STRING", 16, "vu"},
    [HR_T_BINARY] = {"BINARY", 16, "vz"},
    [HR_T_DATE] = {"DATE", 4, "tdD"},
    [HR_T_TIMESTAMP] = {"TIMESTAMP", 8, "tsu:UTC"},
    [HR_T_TIMESTAMP_NTZ] = {"TIMESTAMP_NTZ", 8, "tsu:"},
    [HR_T_INTERVAL_YM] = {"INTERVAL YEAR TO MONTH", 4, "tiM"},
    [HR_T_INTERVAL_DT] = {"INTERVAL DAY TO SECOND", 8, "tDu"},
    [HR_T_TIME] = {"TIME", 8, "ttn"},
    [HR_T_ARRAY] = {"ARRAY", 0, "+l"},
    [HR_T_MAP] = {"MAP", 0, "+m"},
    [HR_T_STRUCT] = {"STRUCT", 0, "+s"},
};

/* The table ----------------------------------------------------------------------------------- */

#define FIRST_SIZE 256 /* a program has a few dozen types, a server of many jobs thousands */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct hr_type **table; /* open addressing, at most half full */
static uint32_t table_size, table_count;
static struct hr_arena types_arena;

static uint64_t hash_of(const struct hr_type *t)
{
    uint64_t h = hr_hash_combine(t->id, (uint64_t)t->precision << 24 | (uint64_t)t->scale << 16 |
                                            (uint64_t)t->start_field << 8 | t->end_field);
    for (uint32_t i = 0; i < t->field_count; i++) {
        const struct hr_field *f = &t->fields[i];
        h = hr_hash_combine(h, hr_hash_bytes(f->name, strlen(f->name)));
        h = hr_hash_combine(h, f->type->hash + f->nullable);
    }
    return h;
}

static bool identical(const struct hr_type *a, const struct hr_type *b)
{
    if (a->hash != b->hash || a->id != b->id || a->precision != b->precision ||
        a->scale != b->scale || a->start_field != b->start_field || a->end_field != b->end_field ||
        a->field_count != b->field_count)
        return false;
    for (uint32_t i = 0; i < a->field_count; i++) {
        const struct hr_field *x = &a->fields[i], *y = &b->fields[i];
        if (x->type != y->type || x->nullable != y->nullable || strcmp(x->name, y->name) != 0)
            return false;
    }
    return true;
}

static const struct hr_type *copy_type(const struct hr_type *like)
{
    assert(like->field_count == 0 || like->fields);
    struct hr_type *type = hr_arena_memdup(&types_arena, like, sizeof *like);
    if (!type || like->field_count == 0) return type;
    struct hr_field *fields =
        hr_arena_memdup(&types_arena, like->fields, like->field_count * sizeof *fields);
    if (!fields) return NULL;
    for (uint32_t i = 0; i < like->field_count; i++) {
        fields[i].name = hr_arena_strdup(&types_arena, fields[i].name);
        if (!fields[i].name) return NULL;
    }
    type->fields = fields;
    return type;
}

/* Where the type is, or belongs. */
static uint32_t place_of(const struct hr_type *like)
{
    assert(table_count < table_size); /* an empty place ends the search */
    uint32_t at = (uint32_t)(like->hash % table_size);
    while (table[at] && !identical(table[at], like)) at = (at + 1) % table_size;
    return at;
}

/* Room for one more. */
static bool make_room(void)
{
    if (table_count < table_size / 2) return true;
    uint32_t old_size = table_size, size = old_size ? old_size * 2 : FIRST_SIZE;
    const struct hr_type **old = table, **grown = hr_zalloc(size * sizeof *grown);
    if (!grown) return false;
    table = grown;
    table_size = size;
    for (uint32_t i = 0; i < old_size; i++)
        if (old[i]) table[place_of(old[i])] = old[i];
    assert(table_count <= table_size / 2);
    hr_free(old);
    return true;
}

static const struct hr_type *intern(struct hr_type *like)
{
    like->hash = hash_of(like);
    hr_forkable_lock(&lock);
    const struct hr_type *found = NULL;
    if (make_room()) {
        uint32_t at = place_of(like);
        found = table[at];
        if (!found && table_count < HR_TYPE_LIMIT) {
            found = copy_type(like);
            table[at] = found;
            table_count += found != NULL;
        }
    }
    hr_forkable_unlock(&lock);
    return found;
}

/* Constructors -------------------------------------------------------------------------------- */

const struct hr_type *hr_type(enum hr_type_id id)
{
    /* Static, so that these never fail. The hash is set at load time. */
    static struct hr_type simple[HR_T_ARRAY];
    static bool ready;
    assert(id < HR_T_ARRAY && id != HR_T_DECIMAL && id != HR_T_INTERVAL_YM &&
           id != HR_T_INTERVAL_DT);
    if (HR_UNLIKELY(!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))) {
        hr_forkable_lock(&lock);
        for (int i = 0; i < HR_T_ARRAY && !ready; i++) {
            simple[i].id = (enum hr_type_id)i;
            simple[i].precision = i == HR_T_TIME ? HR_TIME_PRECISION : 0;
            simple[i].hash = hash_of(&simple[i]);
        }
        __atomic_store_n(&ready, true, __ATOMIC_RELEASE);
        hr_forkable_unlock(&lock);
    }
    return &simple[id];
}

const struct hr_type *hr_type_decimal(int precision, int scale)
{
    if (precision < 1 || precision > 38 || scale < 0 || scale > precision) return NULL;
    struct hr_type like = {
        .id = HR_T_DECIMAL, .precision = (uint8_t)precision, .scale = (uint8_t)scale};
    return intern(&like);
}

const struct hr_type *hr_type_time(int precision)
{
    if (precision < 0 || precision > 9) return NULL;
    if (precision == HR_TIME_PRECISION) return hr_type(HR_T_TIME);
    struct hr_type like = {.id = HR_T_TIME, .precision = (uint8_t)precision};
    return intern(&like);
}

static const struct hr_type *interval(enum hr_type_id id, int start, int end, int low, int high)
{
    if (start < low || end > high || start > end) return NULL;
    struct hr_type like = {.id = id, .start_field = (uint8_t)start, .end_field = (uint8_t)end};
    return intern(&like);
}

const struct hr_type *hr_type_interval_ym(int start_field, int end_field)
{
    return interval(HR_T_INTERVAL_YM, start_field, end_field, HR_IV_YEAR, HR_IV_MONTH);
}

const struct hr_type *hr_type_interval_dt(int start_field, int end_field)
{
    return interval(HR_T_INTERVAL_DT, start_field, end_field, HR_IV_DAY, HR_IV_SECOND);
}

const struct hr_type *hr_type_array(const struct hr_type *element, bool contains_null)
{
    if (!element) return NULL;
    struct hr_field field = {"element", element, contains_null};
    struct hr_type like = {.id = HR_T_ARRAY, .field_count = 1, .fields = &field};
    return intern(&like);
}

const struct hr_type *hr_type_map(const struct hr_type *key, const struct hr_type *value,
                                  bool value_contains_null)
{
    if (!key || !value) return NULL;
    struct hr_field fields[2] = {{"key", key, false}, {"value", value, value_contains_null}};
    struct hr_type like = {.id = HR_T_MAP, .field_count = 2, .fields = fields};
    return intern(&like);
}

const struct hr_type *hr_type_struct(const struct hr_field *fields, uint32_t field_count)
{
    for (uint32_t i = 0; i < field_count; i++)
        if (!fields[i].type || !fields[i].name) return NULL;
    struct hr_type like = {.id = HR_T_STRUCT, .field_count = field_count, .fields = fields};
    return intern(&like);
}

bool hr_type_same(const struct hr_type *a, const struct hr_type *b)
{
    if (a == b) return true;
    if (a->id != b->id || a->precision != b->precision || a->scale != b->scale ||
        a->start_field != b->start_field || a->end_field != b->end_field ||
        a->field_count != b->field_count)
        return false;
    for (uint32_t i = 0; i < a->field_count; i++) {
        if (!hr_str_eq_nocase(a->fields[i].name, b->fields[i].name)) return false;
        if (!hr_type_same(a->fields[i].type, b->fields[i].type)) return false;
    }
    return true;
}

int32_t hr_type_field_index(const struct hr_type *type, struct hr_str_view name)
{
    for (uint32_t i = 0; i < type->field_count; i++)
        if (hr_sv_eq_nocase(hr_sv(type->fields[i].name), name)) return (int32_t)i;
    return -1;
}

/* Text ---------------------------------------------------------------------------------------- */

static void put_lower(struct hr_buf *out, const char *text)
{
    for (; *text; text++)
        hr_buf_putc(out, *text >= 'A' && *text <= 'Z' ? (char)(*text + 32) : *text);
}

/* Spark's quoteIfNeeded. */
static void put_name(struct hr_buf *out, const char *name)
{
    bool plain = name[0] != '\0' && !(name[0] >= '0' && name[0] <= '9');
    for (const char *p = name; *p && plain; p++)
        plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                *p == '_';
    if (plain) {
        hr_buf_puts(out, name);
        return;
    }
    hr_buf_putc(out, '`');
    for (const char *p = name; *p; p++) {
        if (*p == '`') hr_buf_putc(out, '`');
        hr_buf_putc(out, *p);
    }
    hr_buf_putc(out, '`');
}

static void put_interval(const struct hr_type *type, bool sql, struct hr_buf *out)
{
    static const char *const units[] = {"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"};
    void (*put)(struct hr_buf *, const char *) = sql ? hr_buf_puts : put_lower;
    put(out, "INTERVAL ");
    put(out, units[type->start_field]);
    if (type->end_field == type->start_field) return;
    put(out, " TO ");
    put(out, units[type->end_field]);
}

static void print(const struct hr_type *type, bool sql, struct hr_buf *out);

static void put_fields(const struct hr_type *type, bool sql, struct hr_buf *out)
{
    const char *comma = sql ? ", " : ",", *colon = sql ? ": " : ":";
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct hr_field *f = &type->fields[i];
        if (i) hr_buf_puts(out, type->id == HR_T_MAP && !sql ? "," : comma);
        if (type->id == HR_T_STRUCT) {
            if (sql)
                put_name(out, f->name);
            else
                hr_buf_puts(out, f->name);
            hr_buf_puts(out, colon);
        }
        print(f->type, sql, out);
        if (sql && type->id == HR_T_STRUCT && !f->nullable) hr_buf_puts(out, " NOT NULL");
    }
}

static void print(const struct hr_type *type, bool sql, struct hr_buf *out)
{
    if (type->id == HR_T_INTERVAL_YM || type->id == HR_T_INTERVAL_DT) {
        put_interval(type, sql, out);
        return;
    }
    if (sql)
        hr_buf_puts(out, hr_type_info[type->id].name);
    else
        put_lower(out, hr_type_info[type->id].name);
    if (type->id == HR_T_DECIMAL) hr_buf_printf(out, "(%d,%d)", type->precision, type->scale);
    if (type->id == HR_T_TIME) hr_buf_printf(out, "(%d)", type->precision);
    if (hr_type_is_nested(type)) {
        hr_buf_putc(out, '<');
        put_fields(type, sql, out);
        hr_buf_putc(out, '>');
    }
}

void hr_type_print_sql(const struct hr_type *type, struct hr_buf *out)
{
    print(type, true, out);
}

void hr_type_print_simple(const struct hr_type *type, struct hr_buf *out)
{
    print(type, false, out);
}

static const char *in_arena(struct hr_arena *arena, const struct hr_type *type, bool sql)
{
    struct hr_buf buf;
    hr_buf_init(&buf, 0);
    print(type, sql, &buf);
    const char *text = buf.failed ? NULL : hr_arena_strndup(arena, buf.ptr, buf.len);
    hr_buf_done(&buf);
    return text ? text : "?";
}

const char *hr_type_sql(struct hr_arena *arena, const struct hr_type *type)
{
    return in_arena(arena, type, true);
}

const char *hr_type_simple(struct hr_arena *arena, const struct hr_type *type)
{
    return in_arena(arena, type, false);
}
