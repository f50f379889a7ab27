/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* This project's C header, with nothing to link: inlined system calls. */
#define UFFD_SYS_HEADER_ONLY
#include "uffd_sys.h"

#define NAME(call) c_header_##call
#define COUNT(call) count_##call##_header
#define CALL_WAKE uffd_sys_wake
#define CALL_WRITEPROTECT uffd_sys_writeprotect
#define CALL_COPY uffd_sys_copy
#define CALL_CONTINUE uffd_sys_continue
#define CALL_MOVE uffd_sys_move
#define CALL_PAGEMAP_SCAN uffd_sys_pagemap_scan
#define CALL_READ uffd_sys_read

#include "loops.h"
