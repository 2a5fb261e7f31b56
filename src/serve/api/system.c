/* SPDX-License-Identifier: Apache-2.0 */
/* Health, version, environment and settings of the process, and the description of the API. */
#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hr_config.h"
#include "kernel/kernel.h"
#include "base/machine.h"
#include "serve/api/process.h"

int64_t hr_serve_resident_bytes(struct hr_serve *serve)
{
    struct hr_buf text = {0};
    int64_t pages = 0;
    hr_buf_init(&text, 4096);
    if (hr_env_read_file(serve->env, "/proc/self/statm", &text, NULL) == HR_OK) {
        const char *second = strchr(hr_buf_cstr(&text), ' ');
        if (second) hr_parse_i64(hr_svn(second + 1, strcspn(second + 1, " ")), &pages);
    }
    hr_buf_done(&text);
    return pages * sysconf(_SC_PAGESIZE);
}

double hr_serve_cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static hr_status get_health(struct hr_http_request *request, struct hr_err *err)
{
    HR_UNUSED(err);
    hr_buf_puts(&request->out, "{\"status\":\"up\"}");
    return HR_OK;
}

static hr_status get_version(struct hr_http_request *request, struct hr_err *err)
{
    HR_UNUSED(err);
    hr_buf_putc(&request->out, '{');
    hr_http_put_string(&request->out, "version", HR_VERSION);
    hr_http_put_string(&request->out, "build", HR_BUILD);
    hr_http_put_string(&request->out, "boot", request->serve->boot);
    hr_http_put_time(&request->out, "startedAt", request->serve->started_us);
    hr_http_put_bool(&request->out, "jobs", request->serve->jobs != NULL);
    hr_buf_putc(&request->out, '}');
    return HR_OK;
}

static hr_status get_environment(struct hr_http_request *request, struct hr_err *err)
{
    struct hr_buf *out = &request->out;
    struct hr_serve *serve = request->serve;
    const struct hr_mem *mem = hr_mem_process();
    HR_UNUSED(err);
    hr_buf_putc(out, '{');
    hr_http_put_string(out, "version", HR_VERSION);
    hr_http_put_string(out, "build", HR_BUILD);
    hr_http_put_int(out, "pid", getpid());
    hr_http_put_int(out, "cores", hr_cpu_count());
    hr_http_put_int(out, "machineBytes", hr_machine_memory_bytes());
    hr_http_put_int(out, "memoryLimitBytes", mem->limit_bytes);
    hr_http_put_int(out, "memoryUsedBytes", atomic_load(&mem->used_bytes));
    hr_http_put_int(out, "memoryPeakBytes", atomic_load(&mem->peak_bytes));
    hr_http_put_int(out, "residentBytes", hr_serve_resident_bytes(serve));
    hr_http_put_double(out, "cpuSeconds", hr_serve_cpu_seconds());
    hr_http_put_time(out, "startedAt", serve->started_us);
    hr_http_put_int(out, "requests", (int64_t)atomic_load(&serve->request_count));
    hr_http_put_int(out, "listeners", hr_serve_events_clients(serve));
    hr_buf_putc(out, '}');
    return HR_OK;
}

/* The settings of each session, as they stand now. */
static hr_status get_settings(struct hr_http_request *request, struct hr_err *err)
{
    struct hr_buf *out = &request->out;
    struct hr_serve_entry *entry;
    HR_UNUSED(err);
    hr_buf_puts(out, "{\"items\":[");
    for (uint32_t i = 0; (entry = hr_serve_acquire(request->serve, i)) != NULL; i++) {
        hr_buf_puts(out, i ? ",{" : "{");
        hr_http_put_string(out, "job", entry->name);
        hr_http_put_name(out, "settings");
        hr_session_put_settings(entry->session, out);
        hr_buf_putc(out, '}');
        hr_serve_release(request->serve, entry);
    }
    hr_buf_puts(out, "]}");
    return HR_OK;
}

static const struct hr_http_route routes[] = {
    {"GET", "/healthz", HR_HTTP_ANYONE, 0, get_health, "the process answers", NULL, NULL},
    {"GET", "/readyz", HR_HTTP_ANYONE, 0, hr_serve_get_ready,
     "the jobs that were running have been started again (else 503)", NULL, NULL},
    {"GET", "/metrics", HR_HTTP_READ, 0, hr_serve_get_metrics,
     "metrics as OpenMetrics text, or Prometheus 0.0.4 by Accept", NULL, NULL},
    {"GET", "/api/v1/openapi.json", HR_HTTP_READ, 0, hr_serve_get_openapi, "this description",
     NULL, NULL},
    {"GET", "/api/v1/version", HR_HTTP_READ, 0, get_version, "version and start", NULL, NULL},
    {"GET", "/api/v1/environment", HR_HTTP_READ, 0, get_environment,
     "the process: memory, processor time, requests", NULL, NULL},
    {"GET", "/api/v1/settings", HR_HTTP_READ, 0, get_settings,
     "the settings of each job's session", NULL, NULL},
};

const struct hr_serve_module hr_serve_system = {
    .name = "system", .routes = routes, .route_count = HR_COUNT(routes)};
