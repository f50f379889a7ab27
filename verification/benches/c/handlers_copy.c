/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The control: a copy of the same code at another address. */
#define c_handle c_handle_copy
#define c_fill c_fill_copy
#include "handlers.c"
