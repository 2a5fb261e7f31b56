/* SPDX-License-Identifier: Apache-2.0 */
/* Parquet files from foreign bytes: no crash, valid batches, memory within a budget. */
#include <unistd.h>

#include "format/format.h"

static void check(bool good)
{
    if (!good) __builtin_trap();
}

static void read_all(const struct hr_format_args *args, const struct hr_format_file *file)
{
    const struct hr_format_vt *parquet = hr_format_find("parquet");
    struct hr_format_reader *reader;
    uint32_t batches = 0;
    if (parquet->container->reader_open(args, file, 0, file->size, &reader, NULL)) return;
    for (struct hr_batch *batch; batches < 64; batches++, hr_batch_unref(batch)) {
        if (parquet->container->next(reader, &batch, NULL) || !batch) break;
        check(!hr_batch_verify(batch, NULL));
    }
    parquet->container->reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    struct hr_mem mem;
    char name[] = "/tmp/fuzz_parquet.XXXXXX";
    if (fd < 0) {
        fd = mkstemp(name);
        check(fd >= 0 && unlink(name) == 0);
    }
    check(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    hr_mem_init(&mem, NULL, "fuzz", "none", INT64_C(256) << 20);
    struct hr_format_file file = {.env = hr_env_default(), .path = "f", .fd = fd,
                                  .size = (int64_t)size};
    struct hr_format_args args = {.batch_rows = 100, .file = true, .mem = &mem};
    const struct hr_container_vt *vt = hr_format_find("parquet")->container;
    if (!vt->infer(&args, &file, &args.schema, NULL) && args.schema->field_count < 200)
        read_all(&args, &file);
    check(mem.used_bytes == 0);
    return 0;
}
