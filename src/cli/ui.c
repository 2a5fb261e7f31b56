/* SPDX-License-Identifier: Apache-2.0 */
/* The page of a job that runs in this process. */
#include <unistd.h>

#include "cli/cli.h"
#include "serve/serve.h"

/* On a terminal the page is a help, not a condition: where it cannot be, the job runs, and a line
 * says why. */
hr_status cli_start_ui(const char *file, const struct hr_serve_options *options, enum cli_ui mode,
                       struct hr_session *session, struct hr_serve **ret, struct hr_err *err)
{
    struct hr_serve_options ui = *options;
    const char *slash = strrchr(file, '/');
    if (mode == CLI_UI_OFF || (mode == CLI_UI_AUTO && !isatty(STDERR_FILENO))) return HR_OK;
    ui.next_ports = mode == CLI_UI_AUTO;
    hr_status status = hr_serve_start(&ui, ret, err);
    if (status == HR_OK) {
        HR_TRY(hr_serve_attach(*ret, slash ? slash + 1 : file, session, err));
        fprintf(stderr, "The page of this job: %s\n", hr_serve_url(*ret));
    } else if (mode == CLI_UI_AUTO) {
        fprintf(stderr, "headrace: no page: %s\n", err->msg);
        hr_err_init(err);
        return HR_OK;
    }
    return status;
}
