/* SPDX-License-Identifier: Apache-2.0 */
/* Parquet's metadata, as parquet.thrift has it: what is not read or written here is left out. */
#ifndef HR_FORMAT_PARQUET_META_H
#define HR_FORMAT_PARQUET_META_H

#include "format/parquet/thrift.h"

enum pq_physical {
    PQ_BOOLEAN,
    PQ_INT32,
    PQ_INT64,
    PQ_INT96,
    PQ_FLOAT,
    PQ_DOUBLE,
    PQ_BYTE_ARRAY,
    PQ_FIXED,
    PQ_PHYSICAL_COUNT
};
enum { PQ_REQUIRED, PQ_OPTIONAL, PQ_REPEATED };
enum pq_converted {
    PQ_C_UTF8,
    PQ_C_MAP,
    PQ_C_MAP_KEY_VALUE,
    PQ_C_LIST,
    PQ_C_ENUM,
    PQ_C_DECIMAL,
    PQ_C_DATE,
    PQ_C_TIME_MILLIS,
    PQ_C_TIME_MICROS,
    PQ_C_TIMESTAMP_MILLIS,
    PQ_C_TIMESTAMP_MICROS,
    PQ_C_UINT_8,
    PQ_C_UINT_16,
    PQ_C_UINT_32,
    PQ_C_UINT_64,
    PQ_C_INT_8,
    PQ_C_INT_16,
    PQ_C_INT_32,
    PQ_C_INT_64,
    PQ_C_JSON,
    PQ_C_BSON,
    PQ_C_INTERVAL
};
enum pq_encoding {
    PQ_E_PLAIN = 0,
    PQ_E_PLAIN_DICTIONARY = 2,
    PQ_E_RLE = 3,
    PQ_E_BIT_PACKED = 4,
    PQ_E_DELTA_BINARY_PACKED = 5,
    PQ_E_DELTA_LENGTH_BYTE_ARRAY = 6,
    PQ_E_DELTA_BYTE_ARRAY = 7,
    PQ_E_RLE_DICTIONARY = 8,
    PQ_E_BYTE_STREAM_SPLIT = 9
};
enum pq_codec {
    PQ_CODEC_NONE,
    PQ_CODEC_SNAPPY,
    PQ_CODEC_GZIP,
    PQ_CODEC_LZO,
    PQ_CODEC_BROTLI,
    PQ_CODEC_LZ4,
    PQ_CODEC_ZSTD,
    PQ_CODEC_LZ4_RAW
};
enum { PQ_PAGE_DATA, PQ_PAGE_INDEX, PQ_PAGE_DICTIONARY, PQ_PAGE_DATA_V2 };

struct pq_empty {
    int32_t unused;
};
struct pq_decimal {
    int32_t scale, precision;
};
struct pq_unit {
    struct pq_empty *millis, *micros, *nanos;
};
struct pq_time {
    int32_t utc;
    struct pq_unit *unit;
};
struct pq_integer {
    int32_t bits, is_signed;
};
/* A union: one of them is there, or none that is known. */
struct pq_logical {
    struct pq_empty *string, *map, *list, *enumeration;
    struct pq_decimal *decimal;
    struct pq_empty *date;
    struct pq_time *time, *timestamp;
    struct pq_integer *integer;
    struct pq_empty *unknown, *json, *bson, *uuid, *float16, *variant;
};
struct pq_element {
    int32_t type, type_length, repetition;
    struct hr_str_view name;
    int32_t child_count, converted, scale, precision, field_id;
    struct pq_logical *logical;
};
struct pq_statistics {
    struct hr_str_view old_max, old_min;
    int64_t null_count;
    struct hr_str_view max, min;
    int32_t max_exact, min_exact;
};
struct pq_column_meta {
    int32_t type;
    PQ_LIST(int32_t) encodings;
    PQ_LIST(struct hr_str_view) path;
    int32_t codec;
    int64_t value_count, plain_bytes, packed_bytes;
    int64_t data_offset, dictionary_offset;
    struct pq_statistics *statistics;
};
struct pq_chunk {
    struct hr_str_view file_path;
    int64_t file_offset;
    struct pq_column_meta *meta;
    struct pq_empty *crypto;
};
struct pq_row_group {
    PQ_LIST(struct pq_chunk) columns;
    int64_t plain_bytes, row_count;
    int64_t file_offset, packed_bytes;
    int32_t ordinal;
};
struct pq_key_value {
    struct hr_str_view key, value;
};
struct pq_column_order {
    struct pq_empty *type_order;
};
struct pq_file_meta {
    int32_t version;
    PQ_LIST(struct pq_element) schema;
    int64_t row_count;
    PQ_LIST(struct pq_row_group) groups;
    PQ_LIST(struct pq_key_value) key_values;
    struct hr_str_view created_by;
    PQ_LIST(struct pq_column_order) column_orders;
    struct pq_empty *encryption;
};
struct pq_data_header {
    int32_t value_count, encoding, def_encoding, rep_encoding;
};
struct pq_dictionary_header {
    int32_t value_count, encoding;
};
struct pq_data_v2_header {
    int32_t value_count, null_count, row_count, encoding, def_bytes, rep_bytes, packed;
};
struct pq_page_header {
    int32_t type, plain_bytes, packed_bytes, crc;
    struct pq_data_header *data;
    struct pq_dictionary_header *dictionary;
    struct pq_data_v2_header *data_v2;
};

extern const struct pq_spec pq_file_meta_spec, pq_page_header_spec;

#endif
