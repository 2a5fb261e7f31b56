/* SPDX-License-Identifier: Apache-2.0 */
/* hr_rdd_debug_string: the lineage as Spark's RDD.toDebugString prints it. */
#include <inttypes.h>

#include "rdd/block_store.h"

#define SHUFFLES_MAX 1000 /* one above the other; each indents what follows */

struct printer {
    struct hr_buf *out;
    bool first;
    uint32_t shuffles;
};

static void put_bytes(struct hr_buf *out, int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double v = (double)bytes;
    uint32_t unit = 0;
    while (v >= 2048 && unit + 1 < HR_COUNT(units)) {
        v /= 1024;
        unit++;
    }
    hr_buf_printf(out, "%.1f %s", v, units[unit]);
}

static const char *level_text(enum hr_storage_level level)
{
    switch (level) {
    case HR_STORE_MEMORY: return "Memory Deserialized 1x Replicated";
    case HR_STORE_MEMORY_AND_DISK: return "Disk Memory Deserialized 1x Replicated";
    case HR_STORE_DISK: return "Disk Serialized 1x Replicated";
    default: return "";
    }
}

static void start_line(struct printer *p, const char *a, size_t a_len, const char *b)
{
    if (!p->first) hr_buf_putc(p->out, '\n');
    p->first = false;
    hr_buf_append(p->out, a, a_len);
    hr_buf_puts(p->out, b);
}

/* head starts the first line, rest the line about kept blocks. */
static void put_self(struct printer *p, const struct hr_rdd *rdd, struct hr_str_view head,
                     const char *head2, struct hr_str_view rest)
{
    start_line(p, head.ptr, head.len, head2);
    if (rdd->label) hr_buf_printf(p->out, "%s ", rdd->label);
    hr_buf_printf(p->out, "%s[%u] [%s]", rdd->vt->name, rdd->id, level_text(rdd->storage));
    struct hr_block_stats stats = {0};
    if (rdd->blocks) hr_block_store_stats(rdd->blocks, rdd->id, &stats);
    if (stats.blocks_in_memory + stats.blocks_on_disk == 0) return;
    start_line(p, rest.ptr, rest.len, "");
    hr_buf_printf(p->out, "     CachedPartitions: %u; MemorySize: ",
                  stats.blocks_in_memory + stats.blocks_on_disk);
    put_bytes(p->out, stats.memory_bytes);
    hr_buf_puts(p->out, "; DiskSize: ");
    put_bytes(p->out, stats.disk_bytes);
}

static void put_spaces(struct hr_buf *buf, int count)
{
    for (int i = 0; i < count; i++) hr_buf_putc(buf, ' ');
}

static void put_children(struct printer *p, const struct hr_rdd *rdd, struct hr_str_view prefix);

static void put_shuffle(struct printer *p, const struct hr_rdd *rdd, struct hr_str_view prefix,
                        bool is_last)
{
    /* the parent's bar and what follows goes */
    size_t len = prefix.len, end = prefix.len;
    while (end && prefix.ptr[end - 1] == ' ') end--;
    if (end < len && end && prefix.ptr[end - 1] == '|') len = end - 1;
    struct hr_buf next = {0}, count = {0};
    hr_buf_printf(&count, "+-(%u) ", rdd->partition_count);
    int width = (int)count.len - 3, left = (width - 1) / 2;
    hr_buf_append(&next, prefix.ptr, len);
    hr_buf_puts(&next, is_last ? "  " : "| ");
    put_spaces(&next, left);
    hr_buf_putc(&next, '|');
    put_spaces(&next, width - left);
    struct hr_str_view next_view = hr_svn(hr_buf_cstr(&next), next.len);
    put_self(p, rdd, hr_svn(prefix.ptr, len), hr_buf_cstr(&count), next_view);
    if (++p->shuffles < SHUFFLES_MAX)
        put_children(p, rdd, next_view);
    else
        hr_buf_printf(p->out, "\n%.*s...", (int)prefix.len, prefix.ptr);
    p->shuffles--;
    hr_buf_done(&next);
    hr_buf_done(&count);
}

static void put_children(struct printer *p, const struct hr_rdd *rdd, struct hr_str_view prefix)
{
    /* narrow chains are followed in a loop: they can be long */
    while (rdd) {
        const struct hr_rdd *tail = NULL;
        for (uint32_t i = 0; i < rdd->dep_count; i++) {
            const struct hr_dependency *dep = &rdd->deps[i];
            bool last = i + 1 == rdd->dep_count;
            if (dep->kind == HR_DEP_SHUFFLE) {
                put_shuffle(p, dep->parent, prefix, last);
                continue;
            }
            put_self(p, dep->parent, prefix, "", prefix);
            if (last)
                tail = dep->parent;
            else
                put_children(p, dep->parent, prefix);
        }
        rdd = tail;
    }
}

void hr_rdd_debug_string(struct hr_rdd *rdd, struct hr_buf *out)
{
    struct printer p = {.out = out, .first = true};
    struct hr_buf head = {0}, next = {0};
    hr_buf_printf(&head, "(%u) ", rdd->partition_count);
    int width = (int)head.len - 1, left = (width - 1) / 2;
    put_spaces(&next, left);
    hr_buf_putc(&next, '|');
    put_spaces(&next, width - left);
    struct hr_str_view next_view = hr_svn(hr_buf_cstr(&next), next.len);
    put_self(&p, rdd, hr_svn(hr_buf_cstr(&head), head.len), "", next_view);
    put_children(&p, rdd, next_view);
    hr_buf_done(&head);
    hr_buf_done(&next);
}
