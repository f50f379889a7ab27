/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The control: a copy of the same code at another address. */
#define c_async_arm c_async_arm_copy
#define c_async_collect c_async_collect_copy
#include "tracking.c"
