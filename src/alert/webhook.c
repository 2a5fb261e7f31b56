/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A web hook: POST of the JSON body, with the delivery's id as Idempotency-Key and webhook-id, the
 * same at each attempt. What a request may reach: connector/http/http.h.
 */
#include <stdio.h>
#include <stdlib.h>

#include "alert/internal.h"
#include "connector/http/http.h"

static bool gives_up(void *arg)
{
    return hr_alert_gives_up(arg);
}

enum hr_alert_outcome hr_alert_send_webhook(struct hr_alert *alert,
                                            const struct hr_alert_action *action,
                                            const struct hr_alert_delivery *d,
                                            int64_t *ret_wait_us, char *why, size_t why_size)
{
    char key[160], id[160], time[64], bearer[1200];
    const char *token = action->token_env ? getenv(action->token_env) : NULL;
    const char *headers[5] = {"Content-Type: application/json", key, id, time, bearer};
    struct hr_http_client *client = NULL;
    struct hr_err err;
    hr_err_init(&err);
    if (hr_http_client_new(&client, &err) != HR_OK) {
        snprintf(why, why_size, "%.200s", err.msg);
        return err.code == HR_E_OOM ? HR_ALERT_AGAIN : HR_ALERT_DEAD;
    }
    snprintf(key, sizeof key, "Idempotency-Key: %s", d->id);
    snprintf(id, sizeof id, "webhook-id: %s", d->id);
    snprintf(time, sizeof time, "webhook-timestamp: %lld",
             (long long)(hr_now_us(alert->env) / 1000000));
    snprintf(bearer, sizeof bearer, "Authorization: Bearer %.1100s", token ? token : "");
    struct hr_http_post post = {.url = action->url, .body = hr_sv(d->body), .headers = headers,
                                .header_count = token ? 5 : 4,
                                .connect_us = action->connect_us,
                                .timeout_us = action->timeout_us,
                                .gives_up = gives_up, .arg = alert};
    enum hr_http_outcome outcome = hr_http_post(client, &post, ret_wait_us, why, why_size);
    hr_http_client_free(client);
    return outcome == HR_HTTP_DONE    ? HR_ALERT_DONE
           : outcome == HR_HTTP_AGAIN ? HR_ALERT_AGAIN
                                      : HR_ALERT_DEAD;
}

hr_status hr_alert_check_webhook(const struct hr_alert_action *action, struct hr_err *err)
{
    struct hr_http_client *client = NULL;
    HR_TRY(hr_http_check_url("url of WEBHOOK", action->url, err));
    HR_TRY(hr_http_client_new(&client, err)); /* rather now than when there is something to tell */
    hr_http_client_free(client);
    return HR_OK;
}
