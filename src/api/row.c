/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows: cursors over columns or cells, and the texts that they hand out.
 *
 * Getters cannot fail; reading a column as the wrong type is noted in the thread's task local and
 * fails the task after the user's function has returned.
 */
#include "api/api.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

__thread struct hr_task_local hr_task_local;

/* --- Texts ------------------------------------------------------------------------------------ */

struct hr_text hr_text(const char *cstr)
{
    return (struct hr_text){cstr, cstr ? strlen(cstr) : 0};
}

bool hr_text_eq(struct hr_text a, struct hr_text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

int hr_text_cmp(struct hr_text a, struct hr_text b)
{
    return hr_sv_cmp(hr_svn(a.ptr, a.len), hr_svn(b.ptr, b.len));
}

HR_INLINE bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The first white space in [p, end), or end. */
HR_INLINE const char *find_space(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i blank = _mm_set1_epi8(' '), tab = _mm_set1_epi8('\t'), four = _mm_set1_epi8(4);
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p), x = _mm_sub_epi8(v, tab);
        __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(x, four), x); /* \t … \r */
        uint32_t hits =
            (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, blank), controls));
        if (hits) return p + __builtin_ctz(hits);
    }
#endif
    while (p < end && !is_space(*p)) p++;
    return p;
}

bool hr_text_next_word(struct hr_text *rest, struct hr_text *ret_word)
{
    if (!rest) return false;
    const char *p = rest->ptr, *end = p ? p + rest->len : p;
    while (p < end && is_space(*p)) p++;
    const char *start = p;
    p = find_space(p, end);
    rest->ptr = p;
    rest->len = (size_t)(end - p);
    if (p == start) return false;
    *ret_word = (struct hr_text){start, (size_t)(p - start)};
    return true;
}

bool hr_text_next_field(struct hr_text *rest, char separator, struct hr_text *ret_field)
{
    if (!rest) return false;
    if (!rest->ptr) return false;
    const char *at = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
    size_t len = at ? (size_t)(at - rest->ptr) : rest->len;
    *ret_field = (struct hr_text){rest->ptr, len};
    *rest = at ? (struct hr_text){at + 1, rest->len - len - 1} : (struct hr_text){NULL, 0};
    return true;
}

#ifdef __SSE2__
/* Of 16 places from p on, those where the first and the last byte of part are right, as bits. */
HR_INLINE uint32_t likely_places(const char *p, size_t part_len, __m128i first, __m128i last)
{
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(p + part_len - 1));
    return (uint32_t)_mm_movemask_epi8(
        _mm_and_si128(_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(b, last)));
}
#endif

/* Likely places, 16 at a time, the last 16 overlapping; then the bytes between. What is short, or
 * made to have many likely places, is left to memmem, which is linear. */
bool hr_text_contains(struct hr_text text, struct hr_text part)
{
    if (part.len == 0) return true;
    if (part.len > text.len) return false;
    size_t at = 0;
#ifdef __SSE2__
    size_t places = text.len - part.len + 1; /* where part may begin */
    const __m128i first = _mm_set1_epi8(part.ptr[0]);
    const __m128i last = _mm_set1_epi8(part.ptr[part.len - 1]);
    for (uint32_t tries = 64; places >= 16 && tries;) {
        uint32_t hits = likely_places(text.ptr + at, part.len, first, last);
        for (; hits; hits &= hits - 1, tries -= tries > 0)
            if (memcmp(text.ptr + at + __builtin_ctz(hits), part.ptr, part.len) == 0) return true;
        if (at == places - 16) return false;
        at = HR_MIN(at + 16, places - 16);
    }
#endif
    return memmem(text.ptr + at, text.len - at, part.ptr, part.len) != NULL;
}

bool hr_text_to_long(struct hr_text text, int64_t *ret)
{
    return hr_parse_i64(hr_svn(text.ptr, text.len), ret);
}

bool hr_text_to_double(struct hr_text text, double *ret)
{
    return hr_parse_f64(hr_svn(text.ptr, text.len), ret);
}

/* --- Cursors ---------------------------------------------------------------------------------- */

void hr_row_of_batch(const struct hr_batch *batch, uint32_t physical_row, struct hr_row *ret)
{
    *ret = (struct hr_row){.columns_ = batch->columns,
                           .schema_ = batch->schema,
                           .index_ = physical_row,
                           .count_ = batch->schema->field_count};
}

void hr_row_of_cells(const struct hr_type *schema, const struct hr_cells *cells, struct hr_row *ret)
{
    *ret = (struct hr_row){.cells_ = cells, .schema_ = schema, .count_ = schema->field_count};
}

void hr_row_slice(const struct hr_row *row, uint32_t first, uint32_t count, struct hr_row *ret)
{
    assert(row->columns_ && first + count <= row->count_);
    *ret = *row;
    ret->columns_ = (const struct hr_column *)row->columns_ + first;
    ret->schema_ = NULL;
    ret->count_ = count;
}

static const struct hr_type *column_type(const struct hr_row *row, uint32_t column)
{
    if (row->columns_) return ((const struct hr_column *)row->columns_)[column].type;
    return ((const struct hr_type *)row->schema_)->fields[column].type;
}

static HR_COLD void misuse(const struct hr_row *row, uint32_t column, const char *as)
{
    struct hr_task_local *t = &hr_task_local;
    if (t->misused) return;
    t->misused = true;
    if (!row) {
        HR_UNUSED(hr_err_fail(&t->misuse, "column %u read of no row", column));
        return;
    }
    if (column >= row->count_) {
        HR_UNUSED(hr_err_fail(&t->misuse, "column %u read of a row with %u columns", column,
                              row->count_));
        return;
    }
    struct hr_buf type = {0};
    hr_type_print_sql(column_type(row, column), &type);
    HR_UNUSED(hr_err_fail(&t->misuse, "column %u is %s and was read as %s", column,
                          hr_buf_cstr(&type), as));
    hr_buf_done(&type);
}

/* The column and its row, or NULL with the misuse noted, or a cell. */
struct place {
    const struct hr_column *col;
    const union hr_cell *cell;
    const struct hr_type *type;
    bool null;
};

HR_INLINE bool locate(const struct hr_row *row, uint32_t column, const char *as, struct place *ret)
{
    if (HR_UNLIKELY(!row || column >= row->count_)) {
        misuse(row, column, as);
        return false;
    }
    if (HR_LIKELY(row->columns_ != NULL)) {
        const struct hr_column *col = (const struct hr_column *)row->columns_ + column;
        *ret = (struct place){col, NULL, col->type, !hr_column_valid(col, row->index_)};
    } else {
        const struct hr_cells *cells = row->cells_;
        *ret = (struct place){NULL, &cells->cell[column], column_type(row, column),
                              (cells->nulls >> column) & 1};
    }
    return true;
}

uint32_t hr_row_columns(const struct hr_row *row)
{
    if (!row) return 0;
    return row->count_;
}

int hr_row_find(const struct hr_row *row, const char *name)
{
    if (!row) return -1;
    if (!name) return -1;
    const struct hr_type *schema = row->schema_;
    return schema ? hr_type_field_index(schema, hr_sv(name)) : -1;
}

bool hr_row_is_null(const struct hr_row *row, uint32_t column)
{
    struct place p;
    if (!locate(row, column, "NULL", &p)) return true;
    return p.null || p.type->id == HR_T_NULL;
}

static bool read_long(const struct place *p, uint32_t i, int64_t *ret)
{
    if (p->cell) {
        if (p->type->id == HR_T_FLOAT || p->type->id == HR_T_DOUBLE ||
            p->type->id == HR_T_DECIMAL || hr_type_is_string(p->type))
            return false;
        *ret = p->cell->i64;
        return true;
    }
    const void *v = p->col->values;
    switch (p->type->id) {
    case HR_T_BOOLEAN: *ret = hr_bit_get(v, i); return true;
    case HR_T_BYTE: *ret = ((const int8_t *)v)[i]; return true;
    case HR_T_SHORT: *ret = ((const int16_t *)v)[i]; return true;
    case HR_T_INT:
    case HR_T_DATE:
    case HR_T_INTERVAL_YM: *ret = ((const int32_t *)v)[i]; return true;
    case HR_T_LONG:
    case HR_T_TIMESTAMP:
    case HR_T_TIMESTAMP_NTZ:
    case HR_T_TIME:
    case HR_T_INTERVAL_DT: *ret = ((const int64_t *)v)[i]; return true;
    default: return false;
    }
}

int64_t hr_row_long(const struct hr_row *row, uint32_t column)
{
    struct place p;
    int64_t v;
    if (!locate(row, column, "LONG", &p)) return 0;
    if (p.type->id == HR_T_NULL) return 0;
    if (p.null) v = 0;
    if (!p.null && !read_long(&p, row->index_, &v)) {
        misuse(row, column, "LONG");
        return 0;
    }
    return v;
}

bool hr_row_bool(const struct hr_row *row, uint32_t column)
{
    struct place p;
    if (!locate(row, column, "BOOLEAN", &p)) return false;
    if (p.type->id != HR_T_BOOLEAN) {
        misuse(row, column, "BOOLEAN");
        return false;
    }
    if (p.null) return false;
    return p.cell ? p.cell->i64 != 0 : hr_bit_get(p.col->values, row->index_);
}

double hr_row_double(const struct hr_row *row, uint32_t column)
{
    struct place p;
    int64_t v;
    if (!locate(row, column, "DOUBLE", &p)) return 0;
    if (p.null || p.type->id == HR_T_NULL) return 0;
    switch (p.type->id) {
    case HR_T_FLOAT: return p.cell ? p.cell->f64 : ((const float *)p.col->values)[row->index_];
    case HR_T_DOUBLE: return p.cell ? p.cell->f64 : ((const double *)p.col->values)[row->index_];
    case HR_T_DECIMAL: {
        hr_i128 unscaled;
        memcpy(&unscaled,
               p.cell ? (const void *)p.cell
                      : (const void *)((const hr_i128 *)p.col->values + row->index_),
               sizeof unscaled);
        double d = (double)unscaled;
        for (int i = 0; i < p.type->scale; i++) d /= 10;
        return d;
    }
    default:
        if (hr_type_is_integral(p.type) && read_long(&p, row->index_, &v)) return (double)v;
        misuse(row, column, "DOUBLE");
        return 0;
    }
}

struct hr_text hr_row_str(const struct hr_row *row, uint32_t column)
{
    struct place p;
    if (!locate(row, column, "STRING", &p)) return (struct hr_text){"", 0};
    if (p.type->id == HR_T_NULL) return (struct hr_text){"", 0};
    if (!hr_type_is_string(p.type)) {
        misuse(row, column, "STRING");
        return (struct hr_text){"", 0};
    }
    if (p.null) return (struct hr_text){"", 0};
    const struct hr_string *s =
        p.cell ? &p.cell->str : (const struct hr_string *)p.col->values + row->index_;
    return (struct hr_text){hr_string_ptr(s), s->len};
}

/* --- Nested values ---------------------------------------------------------------------------- */

static bool list_range(const struct hr_row *row, uint32_t column, enum hr_type_id id,
                       const struct hr_column **ret_col, uint32_t *ret_first, uint32_t *ret_count)
{
    struct place p;
    if (!locate(row, column, hr_type_info[id].name, &p)) return false;
    bool list = p.type->id == HR_T_ARRAY || p.type->id == HR_T_MAP;
    if (!p.col || !list || (id != HR_T_NULL && p.type->id != id)) {
        misuse(row, column, id == HR_T_MAP ? "MAP" : "ARRAY");
        return false;
    }
    if (p.null) return false;
    const int32_t *offsets = p.col->values;
    *ret_col = p.col;
    *ret_first = (uint32_t)offsets[row->index_];
    *ret_count = (uint32_t)(offsets[row->index_ + 1] - offsets[row->index_]);
    return true;
}

/* A value of a child column as a row: the columns of a STRUCT, or the one column. */
static void child_row(const struct hr_column *col, uint32_t i, struct hr_row *ret)
{
    bool is_struct = col->type->id == HR_T_STRUCT;
    *ret = (struct hr_row){.columns_ = is_struct ? col->children : col,
                           .schema_ = is_struct ? col->type : NULL,
                           .index_ = i,
                           .count_ = is_struct ? col->type->field_count : 1};
}

uint32_t hr_row_length(const struct hr_row *row, uint32_t column)
{
    if (!row) return 0;
    const struct hr_column *col;
    uint32_t first, count;
    return list_range(row, column, HR_T_NULL, &col, &first, &count) ? count : 0;
}

bool hr_row_element(const struct hr_row *row, uint32_t column, uint32_t i,
                    struct hr_row *ret_element)
{
    if (!row) return false;
    const struct hr_column *col;
    uint32_t first, count;
    if (!list_range(row, column, HR_T_ARRAY, &col, &first, &count) || i >= count) return false;
    child_row(&col->children[0], first + i, ret_element);
    return true;
}

bool hr_row_entry(const struct hr_row *row, uint32_t column, uint32_t i, struct hr_row *ret_key,
                  struct hr_row *ret_value)
{
    if (!row) return false;
    const struct hr_column *col;
    uint32_t first, count;
    if (!list_range(row, column, HR_T_MAP, &col, &first, &count) || i >= count) return false;
    child_row(&col->children[0], first + i, ret_key);
    child_row(&col->children[1], first + i, ret_value);
    return true;
}

bool hr_row_struct(const struct hr_row *row, uint32_t column, struct hr_row *ret_row)
{
    if (!row) return false;
    struct place p;
    if (!locate(row, column, "STRUCT", &p)) return false;
    if (p.type->id != HR_T_STRUCT) {
        misuse(row, column, "STRUCT");
        return false;
    }
    if (p.null) return false;
    child_row(p.col, row->index_, ret_row);
    return true;
}

/* --- Printing --------------------------------------------------------------------------------- */

static void put_cell(const struct hr_type *type, const union hr_cell *cell, struct hr_buf *out)
{
    /* Through a column of one row, so that there is one way of printing values. */
    union {
        int8_t i8;
        int16_t i16;
        int32_t i32;
        uint64_t bits;
        float f32;
    } narrow = {.bits = 0};
    const void *values = cell;
    switch (type->id) {
    case HR_T_BOOLEAN:
        narrow.bits = cell->i64 != 0;
        values = &narrow;
        break;
    case HR_T_BYTE:
        narrow.i8 = (int8_t)cell->i64;
        values = &narrow;
        break;
    case HR_T_SHORT:
        narrow.i16 = (int16_t)cell->i64;
        values = &narrow;
        break;
    case HR_T_INT:
    case HR_T_DATE:
    case HR_T_INTERVAL_YM:
        narrow.i32 = (int32_t)cell->i64;
        values = &narrow;
        break;
    case HR_T_FLOAT:
        narrow.f32 = (float)cell->f64;
        values = &narrow;
        break;
    default: break;
    }
    struct hr_column col = {.type = type, .length = 1, .values = values};
    hr_column_print(&col, 0, NULL, out);
}

void hr_row_put(const struct hr_row *row, struct hr_buf *out)
{
    bool plain = row->count_ == 1; /* Spark's element is then no tuple */
    if (!plain) hr_buf_putc(out, '(');
    for (uint32_t i = 0; i < row->count_; i++) {
        struct place p;
        if (i) hr_buf_putc(out, ',');
        if (!locate(row, i, "text", &p) || p.null || p.type->id == HR_T_NULL)
            hr_buf_puts(out, "null");
        else if (hr_type_is_string(p.type)) {
            struct hr_text s = hr_row_str(row, i);
            hr_buf_append(out, s.ptr, s.len);
        } else if (p.cell)
            put_cell(p.type, p.cell, out);
        else
            hr_column_print(p.col, row->index_, NULL, out);
    }
    if (!plain) hr_buf_putc(out, ')');
}

size_t hr_row_print(const struct hr_row *row, char *buf, size_t size)
{
    static const struct hr_row none;
    if (!row) row = &none;
    struct hr_buf out = {0};
    hr_row_put(row, &out);
    size_t len = out.len;
    if (size) {
        size_t n = HR_MIN(len, size - 1);
        memcpy(buf, hr_buf_cstr(&out), n);
        buf[n] = '\0';
    }
    hr_buf_done(&out);
    return len;
}
