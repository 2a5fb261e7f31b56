/* SPDX-License-Identifier: Apache-2.0 */
/* The server of a build without libmicrohttpd: it says so. */
#include "serve/serve.h"

hr_status hr_serve_start(const struct hr_serve_options *options, struct hr_serve **ret,
                         struct hr_err *err)
{
    HR_UNUSED(options);
    HR_UNUSED(ret);
    return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what",
                    "the web UI by this build (it was made without libmicrohttpd)");
}

void hr_serve_stop(struct hr_serve *serve)
{
    HR_UNUSED(serve);
}

const char *hr_serve_url(const struct hr_serve *serve)
{
    HR_UNUSED(serve);
    return "";
}

hr_status hr_serve_attach(struct hr_serve *serve, const char *name, struct hr_session *session,
                          struct hr_err *err)
{
    HR_UNUSED(serve);
    HR_UNUSED(name);
    HR_UNUSED(session);
    return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "the web UI by this build");
}

void hr_serve_detach(struct hr_serve *serve, struct hr_session *session)
{
    HR_UNUSED(serve);
    HR_UNUSED(session);
}
