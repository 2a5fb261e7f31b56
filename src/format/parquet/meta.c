/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of Parquet's metadata: numbers and types of members, from parquet.thrift. */
#include "format/parquet/meta.h"

#define M(type, id, kind, name)                        \
    {                                                  \
        id, kind, 0, offsetof(struct type, name), NULL \
    }
#define S(type, id, name, sub)                             \
    {                                                      \
        id, PQ_STRUCT, 0, offsetof(struct type, name), sub \
    }
#define L(type, id, item, name, sub)                           \
    {                                                          \
        id, PQ_LIST_OF, item, offsetof(struct type, name), sub \
    }
#define SPEC(name, type, ...)                                                          \
    static const struct pq_member name##_members[] = {__VA_ARGS__};                    \
    static const struct pq_spec name = {sizeof(struct type), HR_COUNT(name##_members), \
                                        name##_members}

static const struct pq_spec empty = {sizeof(struct pq_empty), 0, NULL};

SPEC(decimal, pq_decimal, M(pq_decimal, 1, PQ_I32, scale), M(pq_decimal, 2, PQ_I32, precision));
SPEC(unit, pq_unit, S(pq_unit, 1, millis, &empty), S(pq_unit, 2, micros, &empty),
     S(pq_unit, 3, nanos, &empty));
SPEC(time_type, pq_time, M(pq_time, 1, PQ_BOOL, utc), S(pq_time, 2, unit, &unit));
SPEC(integer, pq_integer, M(pq_integer, 1, PQ_I8, bits), M(pq_integer, 2, PQ_BOOL, is_signed));
SPEC(logical, pq_logical, S(pq_logical, 1, string, &empty), S(pq_logical, 2, map, &empty),
     S(pq_logical, 3, list, &empty), S(pq_logical, 4, enumeration, &empty),
     S(pq_logical, 5, decimal, &decimal), S(pq_logical, 6, date, &empty),
     S(pq_logical, 7, time, &time_type), S(pq_logical, 8, timestamp, &time_type),
     S(pq_logical, 10, integer, &integer), S(pq_logical, 11, unknown, &empty),
     S(pq_logical, 12, json, &empty), S(pq_logical, 13, bson, &empty),
     S(pq_logical, 14, uuid, &empty), S(pq_logical, 15, float16, &empty),
     S(pq_logical, 16, variant, &empty));
SPEC(element, pq_element, M(pq_element, 1, PQ_I32, type), M(pq_element, 2, PQ_I32, type_length),
     M(pq_element, 3, PQ_I32, repetition), M(pq_element, 4, PQ_BINARY, name),
     M(pq_element, 5, PQ_I32, child_count), M(pq_element, 6, PQ_I32, converted),
     M(pq_element, 7, PQ_I32, scale), M(pq_element, 8, PQ_I32, precision),
     M(pq_element, 9, PQ_I32, field_id), S(pq_element, 10, logical, &logical));
SPEC(statistics, pq_statistics, M(pq_statistics, 1, PQ_BINARY, old_max),
     M(pq_statistics, 2, PQ_BINARY, old_min), M(pq_statistics, 3, PQ_I64, null_count),
     M(pq_statistics, 5, PQ_BINARY, max), M(pq_statistics, 6, PQ_BINARY, min),
     M(pq_statistics, 7, PQ_BOOL, max_exact), M(pq_statistics, 8, PQ_BOOL, min_exact));
SPEC(column_meta, pq_column_meta, M(pq_column_meta, 1, PQ_I32, type),
     L(pq_column_meta, 2, PQ_I32, encodings, NULL), L(pq_column_meta, 3, PQ_BINARY, path, NULL),
     M(pq_column_meta, 4, PQ_I32, codec), M(pq_column_meta, 5, PQ_I64, value_count),
     M(pq_column_meta, 6, PQ_I64, plain_bytes), M(pq_column_meta, 7, PQ_I64, packed_bytes),
     M(pq_column_meta, 9, PQ_I64, data_offset), M(pq_column_meta, 11, PQ_I64, dictionary_offset),
     S(pq_column_meta, 12, statistics, &statistics));
SPEC(chunk, pq_chunk, M(pq_chunk, 1, PQ_BINARY, file_path), M(pq_chunk, 2, PQ_I64, file_offset),
     S(pq_chunk, 3, meta, &column_meta), S(pq_chunk, 8, crypto, &empty));
SPEC(row_group, pq_row_group, L(pq_row_group, 1, PQ_STRUCT, columns, &chunk),
     M(pq_row_group, 2, PQ_I64, plain_bytes), M(pq_row_group, 3, PQ_I64, row_count),
     M(pq_row_group, 5, PQ_I64, file_offset), M(pq_row_group, 6, PQ_I64, packed_bytes),
     M(pq_row_group, 7, PQ_I16, ordinal));
SPEC(key_value, pq_key_value, M(pq_key_value, 1, PQ_BINARY, key),
     M(pq_key_value, 2, PQ_BINARY, value));
SPEC(column_order, pq_column_order, S(pq_column_order, 1, type_order, &empty));
static const struct pq_member file_members[] = {
    M(pq_file_meta, 1, PQ_I32, version),
    L(pq_file_meta, 2, PQ_STRUCT, schema, &element),
    M(pq_file_meta, 3, PQ_I64, row_count),
    L(pq_file_meta, 4, PQ_STRUCT, groups, &row_group),
    L(pq_file_meta, 5, PQ_STRUCT, key_values, &key_value),
    M(pq_file_meta, 6, PQ_BINARY, created_by),
    L(pq_file_meta, 7, PQ_STRUCT, column_orders, &column_order),
    S(pq_file_meta, 8, encryption, &empty)};
const struct pq_spec pq_file_meta_spec = {sizeof(struct pq_file_meta), HR_COUNT(file_members),
                                          file_members};

SPEC(data_header, pq_data_header, M(pq_data_header, 1, PQ_I32, value_count),
     M(pq_data_header, 2, PQ_I32, encoding), M(pq_data_header, 3, PQ_I32, def_encoding),
     M(pq_data_header, 4, PQ_I32, rep_encoding));
SPEC(dictionary_header, pq_dictionary_header, M(pq_dictionary_header, 1, PQ_I32, value_count),
     M(pq_dictionary_header, 2, PQ_I32, encoding));
SPEC(data_v2_header, pq_data_v2_header, M(pq_data_v2_header, 1, PQ_I32, value_count),
     M(pq_data_v2_header, 2, PQ_I32, null_count), M(pq_data_v2_header, 3, PQ_I32, row_count),
     M(pq_data_v2_header, 4, PQ_I32, encoding), M(pq_data_v2_header, 5, PQ_I32, def_bytes),
     M(pq_data_v2_header, 6, PQ_I32, rep_bytes), M(pq_data_v2_header, 7, PQ_BOOL, packed));
static const struct pq_member page_members[] = {M(pq_page_header, 1, PQ_I32, type),
                                                M(pq_page_header, 2, PQ_I32, plain_bytes),
                                                M(pq_page_header, 3, PQ_I32, packed_bytes),
                                                M(pq_page_header, 4, PQ_I32, crc),
                                                S(pq_page_header, 5, data, &data_header),
                                                S(pq_page_header, 7, dictionary,
                                                  &dictionary_header),
                                                S(pq_page_header, 8, data_v2, &data_v2_header)};
const struct pq_spec pq_page_header_spec = {sizeof(struct pq_page_header), HR_COUNT(page_members),
                                            page_members};
