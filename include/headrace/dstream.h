/* SPDX-License-Identifier: Apache-2.0 */
/* DStreams: see headrace.h. */
#ifndef HEADRACE_DSTREAM_H
#define HEADRACE_DSTREAM_H

#include <headrace/rdd.h>

#endif
