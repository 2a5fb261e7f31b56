/* SPDX-License-Identifier: Apache-2.0 */
/* Parquet as a format: its options and its table. */
#include "format/parquet/parquet.h"

#define CODECS "snappy|none|uncompressed|gzip|lz4|lz4_raw|zstd|brotli|lzo"
#define REBASE "corrected|exception|legacy"
enum { REBASE_LEGACY = 2 };

#define OPT(member, type, option, default_, min, max, choices, doc)                         \
    {                                                                                       \
        option, type, offsetof(struct pq_options, member), default_, min, max, choices, doc \
    }
static const struct hr_opt_spec specs[] = {
    OPT(merge_schema, HR_OPT_BOOL, "mergeSchema", "false", 0, 0, NULL,
        "the columns of all files, not of the first alone"),
    OPT(binary_as_string, HR_OPT_BOOL, "binaryAsString", "false", 0, 0, NULL,
        "bytes without an annotation are STRING, as some old writers meant them"),
    OPT(nanos_as_long, HR_OPT_BOOL, "nanosAsLong", "false", 0, 0, NULL,
        "timestamps of nanoseconds are BIGINT"),
    OPT(infer_ntz, HR_OPT_BOOL, "inferTimestampNTZ", "true", 0, 0, NULL,
        "timestamps that are not adjusted to UTC are TIMESTAMP_NTZ, else TIMESTAMP"),
    OPT(date_rebase, HR_OPT_ENUM, "datetimeRebaseMode", "corrected", 0, 0, REBASE,
        "dates and timestamps are of the proleptic Gregorian calendar; legacy is refused"),
    OPT(time_rebase, HR_OPT_ENUM, "int96RebaseMode", "corrected", 0, 0, REBASE,
        "the same of INT96 timestamps"),
    OPT(compression, HR_OPT_ENUM, "compression", NULL, 0, 0, CODECS,
        "how pages are packed; snappy when nothing is said. lz4 is written as lz4_raw"),
    OPT(compression_alias, HR_OPT_ENUM, "parquet.compression", NULL, 0, 0, CODECS,
        "the same, where compression is not given"),
    OPT(block_bytes, HR_OPT_BYTES, "parquet.block.size", "128m", 1024, INT32_MAX, NULL,
        "of a row group"),
    OPT(page_bytes, HR_OPT_BYTES, "parquet.page.size", "1m", 64, 1 << 30, NULL,
        "of a page, before it is packed"),
    OPT(page_rows, HR_OPT_INT, "parquet.page.row.count.limit", "20000", 1, INT32_MAX, NULL,
        "rows of a page"),
    OPT(dictionary_bytes, HR_OPT_BYTES, "parquet.dictionary.page.size", "1m", 0, 1 << 30, NULL,
        "of a dictionary; more, and values are written plain"),
    OPT(dictionary, HR_OPT_BOOL, "parquet.enable.dictionary", "true", 0, 0, NULL,
        "values that repeat are written once"),
    {"parquet.writer.version", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "pages are of version 1"},
    {"parquet.bloom.filter.enabled", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL,
     "there are no Bloom filters"},
};
const struct hr_opt_table pq_option_table = {specs, HR_COUNT(specs)};

hr_status pq_options_parse(const struct hr_options *options, struct pq_options *ret,
                           struct hr_err *err)
{
    static const int32_t codecs[] = {PQ_CODEC_SNAPPY, PQ_CODEC_NONE,    PQ_CODEC_NONE,
                                     PQ_CODEC_GZIP,   PQ_CODEC_LZ4_RAW, PQ_CODEC_LZ4_RAW,
                                     PQ_CODEC_ZSTD,   PQ_CODEC_BROTLI,  PQ_CODEC_LZO};
    memset(ret, 0, sizeof *ret);
    HR_TRY(hr_options_parse(specs, HR_COUNT(specs), options, ret, err));
    bool given = hr_options_get(options, "compression") != NULL;
    ret->codec = codecs[given ? ret->compression : ret->compression_alias];
    if (ret->date_rebase == REBASE_LEGACY || ret->time_rebase == REBASE_LEGACY)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "the rebase mode LEGACY of Parquet files");
    return HR_OK;
}

static hr_status check(const struct hr_type *schema, bool writing, struct hr_err *err)
{
    if (!writing || schema->field_count) return HR_OK;
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a Parquet file needs at least one column");
}

static bool splits(const struct hr_options *options)
{
    HR_UNUSED(options);
    return true;
}

const struct hr_format_vt hr_format_parquet = {
    .name = "parquet",
    .file_extension = ".parquet",
    .options = &pq_option_table,
    .check = check,
    .splits = splits,
    .container = &pq_container,
    .encoder_open = pq_encoder_open,
    .begin = pq_encoder_begin,
    .encode = pq_encoder_encode,
    .end = pq_encoder_end,
    .encoder_close = pq_encoder_close,
};
