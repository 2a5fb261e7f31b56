/* SPDX-License-Identifier: Apache-2.0 */
/* The reference implementation, for the choice at start. */
#ifndef HR_KERNEL_SCALAR_H
#define HR_KERNEL_SCALAR_H

#include "kernel/kernel.h"

extern const struct hr_kernels hr_kernels_scalar;

#endif
