/* SPDX-License-Identifier: Apache-2.0 */
/* Spark's hash functions of values: hash() is MurmurHash3 x86 32, xxhash64() is XXH64. */
#ifndef HR_EXPR_SPARK_HASH_H
#define HR_EXPR_SPARK_HASH_H

#include "column/column.h"

/* A NULL leaves the seed as it is. */
uint32_t hr_spark_murmur3(const struct hr_column *col, uint32_t row, uint32_t seed);
uint64_t hr_spark_xxhash64(const struct hr_column *col, uint32_t row, uint64_t seed);

#endif
