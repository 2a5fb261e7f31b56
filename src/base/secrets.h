/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets in texts that people see: a statement with its OPTIONS, an address. They become as many
 * asterisks, so that places in the text stay what they are.
 *
 * What is one: the text in quotes behind a key that hr_option_is_secret names; a password in an
 * address (scheme://user:password@host); password=… and the like inside a text in quotes.
 */
#ifndef HR_BASE_SECRETS_H
#define HR_BASE_SECRETS_H

#include "base/str.h"

/* In place, in a text of SQL or of options. */
void hr_hide_secrets(char *text, size_t len);
/* The same of a value alone, whose key is said apart. */
void hr_hide_secret_value(const char *key, char *value, size_t len);

#endif
