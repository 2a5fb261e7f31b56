/* SPDX-License-Identifier: Apache-2.0 */
/* Life of the server: what it is made of, its modules, and the thread that ticks. */
#include "serve/serve.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/log.h"
#include "serve/internal.h"

/* Once a second: what changed goes to who listens. */
static void *ticker_main(void *arg)
{
    struct hr_serve *serve = arg;
    int64_t last_s = 0;
    while (!atomic_load(&serve->stopping)) {
        /* a little behind the second: its epochs have been counted then */
        int64_t now_us = hr_now_us(serve->env);
        hr_wakeup_wait(&serve->wakeup, 1000000 - now_us % 1000000 + 20000);
        if (atomic_load(&serve->stopping)) break;
        int64_t now_s = hr_now_us(serve->env) / 1000000;
        if (now_s == last_s) continue;
        last_s = now_s;
        hr_http_reap(serve);
        for (uint32_t i = 0; i < hr_serve_module_count(); i++) {
            const struct hr_serve_module *module = hr_serve_module_at(i);
            if (module->tick) module->tick(serve, now_s);
        }
        if (now_s % 15 == 0) hr_serve_publish(serve, "", NULL, hr_sv("alive"));
    }
    return NULL;
}

static hr_status init(struct hr_serve *serve, const struct hr_serve_options *options,
                      struct hr_err *err)
{
    unsigned char random[8];
    serve->env = hr_env_default();
    serve->started_us = hr_now_us(serve->env);
    serve->env->vt->random(serve->env, random, sizeof random);
    for (int i = 0; i < 8; i++) snprintf(serve->boot + 2 * i, 3, "%02x", random[i]);
    if (pthread_mutex_init(&serve->entries_lock, NULL) ||
        pthread_cond_init(&serve->entries_changed, NULL) ||
        pthread_mutex_init(&serve->connections_lock, NULL) ||
        pthread_mutex_init(&serve->slow_lock, NULL) || pthread_cond_init(&serve->slow_ended, NULL))
        return HR_OOM(err);
    HR_TRY(hr_wakeup_init(&serve->wakeup, err));
    HR_TRY(hr_serve_events_new(serve, err));
    return hr_serve_auth_new(serve, options->token_file, err);
}

static hr_status start_modules(struct hr_serve *serve, struct hr_err *err)
{
    for (uint32_t i = 0; i < hr_serve_module_count(); i++) {
        const struct hr_serve_module *module = hr_serve_module_at(i);
        if (module->start) HR_TRY(module->start(serve, err));
    }
    return HR_OK;
}

hr_status hr_serve_start(const struct hr_serve_options *options, struct hr_serve **ret,
                         struct hr_err *err)
{
    struct hr_serve *serve = hr_zalloc(sizeof *serve);
    if (!serve) return HR_OOM(err);
    serve->wakeup.fd = -1;
    hr_status status;
    HR_TRY_OUT(init(serve, options, err));
    HR_TRY_OUT(start_modules(serve, err));
    if (options->store) HR_TRY_OUT(hr_serve_keep_jobs(serve, options, err));
    HR_TRY_OUT(hr_http_listen(serve, options, err));
    HR_TRY_OUT(hr_thread_start(&serve->ticker, "serve", ticker_main, serve, err));
    serve->ticking = true;
    if (serve->jobs) hr_serve_resume_jobs(serve);
    HR_LOG(HR_LOG_INFO, "the server listens at %s", serve->url);
    *ret = serve;
    return HR_OK;
out:
    hr_serve_stop(serve);
    return status;
}

void hr_serve_stop(struct hr_serve *serve)
{
    if (!serve) return;
    atomic_store(&serve->stopping, true);
    if (serve->ticking) {
        hr_wakeup_signal(&serve->wakeup);
        pthread_join(serve->ticker, NULL);
    }
    hr_serve_cancel_statements(serve, NULL);
    hr_http_close(serve);
    for (uint32_t i = hr_serve_module_count(); i-- > 0;) {
        const struct hr_serve_module *module = hr_serve_module_at(i);
        if (module->stop) module->stop(serve);
    }
    while (serve->entries) hr_serve_detach(serve, serve->entries->session);
    hr_serve_auth_free(serve);
    hr_serve_events_free(serve);
    hr_wakeup_done(&serve->wakeup);
    pthread_mutex_destroy(&serve->entries_lock);
    pthread_cond_destroy(&serve->entries_changed);
    pthread_mutex_destroy(&serve->connections_lock);
    pthread_mutex_destroy(&serve->slow_lock);
    pthread_cond_destroy(&serve->slow_ended);
    hr_free(serve->tls_cert);
    hr_free(serve->tls_key);
    hr_free(serve);
}

const char *hr_serve_url(const struct hr_serve *serve)
{
    return serve->url;
}
