/* SPDX-License-Identifier: Apache-2.0 */
/* A thread's settings for its jobs: a short list behind a thread-specific key, freed with the
 * thread. */
#include "rdd/locals.h"

#include <pthread.h>

__thread const struct hr_task_frame *hr_task_frame;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

void hr_locals_done(struct hr_locals *locals)
{
    hr_free(locals->pool);
    hr_free(locals->group);
    hr_free(locals->description);
    locals->pool = locals->group = locals->description = NULL;
}

static void list_free(void *value)
{
    struct hr_locals *list = value;
    while (list) {
        struct hr_locals *locals = list;
        list = locals->next;
        hr_locals_done(locals);
        hr_free(locals);
    }
}

static void key_make(void)
{
    if (pthread_key_create(&key, list_free) != 0) abort(); /* 1 024 keys are in use: not ours */
}

bool hr_in_task_of(const struct hr_scheduler *scheduler)
{
    const struct hr_task_frame *f = hr_task_frame;
    while (f && f->scheduler != scheduler) f = f->outer;
    return f != NULL;
}

const struct hr_locals *hr_locals_now(void)
{
    pthread_once(&once, key_make);
    return hr_task_frame ? hr_task_frame->locals : pthread_getspecific(key);
}

const struct hr_locals *hr_locals_find(const struct hr_locals *locals, uint64_t context)
{
    while (locals && locals->context != context) locals = locals->next;
    return locals;
}

/* Those of this thread, made when they are not there. */
static struct hr_locals *own(uint64_t context, struct hr_err *err)
{
    pthread_once(&once, key_make);
    struct hr_locals *first = pthread_getspecific(key), *locals = first;
    while (locals && locals->context != context) locals = locals->next;
    if (locals) return locals;
    locals = hr_zalloc(sizeof *locals);
    if (locals) *locals = (struct hr_locals){.next = first, .context = context};
    if (!locals || pthread_setspecific(key, locals) != 0) {
        hr_free(locals);
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    return locals;
}

hr_status hr_locals_swap(uint64_t context, struct hr_locals *new, struct hr_err *err)
{
    if (hr_task_frame)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "pool and job group are set by the thread that starts a job, not in a task");
    struct hr_locals *locals = own(context, err);
    if (!locals) return HR_E_OOM;
    struct hr_locals old = *locals;
    locals->pool = new->pool;
    locals->group = new->group;
    locals->description = new->description;
    new->pool = old.pool;
    new->group = old.group;
    new->description = old.description;
    return HR_OK;
}

hr_status hr_locals_set(uint64_t context, const char *pool, const char *group,
                        const char *description, struct hr_err *err)
{
    struct hr_locals new = {
        .pool = pool ? hr_strdup(pool) : NULL,
        .group = group ? hr_strdup(group) : NULL,
        .description = description ? hr_strdup(description) : NULL,
    };
    hr_status status = HR_OK;
    if ((pool && !new.pool) || (group && !new.group) || (description && !new.description))
        status = HR_OOM(err);
    if (status == HR_OK) status = hr_locals_swap(context, &new, err);
    hr_locals_done(&new);
    return status;
}

void hr_locals_clear_group(uint64_t context)
{
    if (hr_task_frame || !hr_locals_find(hr_locals_now(), context)) return;
    struct hr_locals *locals = own(context, NULL); /* is there: no memory is needed */
    hr_free(locals->group);
    hr_free(locals->description);
    locals->group = locals->description = NULL;
}
