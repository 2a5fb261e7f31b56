/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share that watch a server by its REST API: top, tap. */
#ifndef HR_CLI_WATCH_SERVER_H
#define HR_CLI_WATCH_SERVER_H

#include "cli/cli.h"
#include "serve/client.h"
#include "serve/http/json.h"

#define CLI_SERVER_URL "http://127.0.0.1:4040"

struct cli_server {
    const char *url, *token_file; /* of the options; the file may be NULL */
    struct hr_buf token;
};

/* Checks the URL and reads the token; CLI_DONE, or what has been printed. */
int cli_server_open(const struct cli_command *command, struct cli_server *server);
void cli_server_done(struct cli_server *server);
/* The answer to GET path. */
hr_status cli_server_get(struct cli_server *server, struct hr_arena *arena, const char *path,
                         struct hr_json **ret, struct hr_err *err) HR_CHECKED;

/* Members that should be there: 0 or "-" where they are not. */
double cli_json_number(const struct hr_json *object, const char *name);
const char *cli_json_text(const struct hr_json *object, const char *name);
/* Text from elsewhere, filled up with blanks to width letters or cut (0: as long as it is): what a
 * terminal would take as a command becomes '?'. */
void cli_put_text(struct hr_buf *out, const char *text, uint32_t width);

#endif
