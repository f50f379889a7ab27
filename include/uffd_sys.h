/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * uffd_sys.h: the whole userfaultfd ABI up to Linux 7.3, whatever kernel
 * headers are installed, older ones or none; and a function for each call.
 *
 * It includes <linux/userfaultfd.h> where there is one and adds what that
 * header lacks, so it may stand before or after it. What an installed header
 * defines is left alone, with one exception: the masks UFFD_API_* name all
 * that their header knows, so those of a header older than Linux 7.3 are
 * replaced by the complete ones.
 *
 * The functions, at the end of this file, come from libuffd_sys (link with
 * `pkg-config --libs uffd_sys`), or without any library if you define
 *   UFFD_SYS_HEADER_ONLY       before including this file: they are then
 *                              static inline.
 * Further choices, each to be defined before including this file:
 *   UFFD_SYS_LIBC              header-only functions call syscall(2) even
 *                              where they could be inline assembly.
 *   UFFD_SYS_NO_LINUX_FS       do not include <linux/fs.h>, for programs to
 *                              which its macros (BLOCK_SIZE, MS_*) are in the
 *                              way. It may then not follow this file.
 *   UFFD_SYS_NO_LINUX_HEADERS  include no kernel header at all. <linux/fs.h>
 *                              may then not follow this file either.
 *
 * Every value, request code and layout is checked when this file is compiled.
 * A wrong copy of a kernel header is refused, and so is a newer one in which a
 * struct that is part of a request code has grown: such a struct belongs to a
 * request that this file does not know. This includes pm_scan_arg: its field
 * `size` does not help, because PAGEMAP_SCAN has the size in its code too.
 * uffd_msg and page_region, which are part of no request code, may grow at
 * their end.
 *
 * If the compiler reports a redefinition or an incomplete type here:
 *   - of a struct uffdio_*: the program has its own fallback for older
 *     headers. Remove that whole block, the struct and its macros; this file
 *     replaces it. A complete block may stay if it comes before this file, or
 *     if it is guarded by #ifndef of the request's macro.
 *   - of page_region or pm_scan_arg: include <linux/fs.h> before this file.
 *     It is newer than <linux/version.h> and <linux/userfaultfd.h>.
 * With `-include uffd_sys.h` and UFFD_SYS_HEADER_ONLY, give _GNU_SOURCE and
 * its like as -D options (-D_GNU_SOURCE= where a source defines it too),
 * because <errno.h> then comes before the program's first line.
 */
#ifndef UFFD_SYS_H
#define UFFD_SYS_H

#if defined UFFD_SYS_NO_LINUX_HEADERS
# define UFFD_SYS_OWN_DEFINITIONS
#elif defined __has_include
# if __has_include(<linux/version.h>)
#  include <linux/version.h>
# endif
# if __has_include(<linux/types.h>)
#  include <linux/types.h>
# endif
/* The kernel's header uses _IOWR() and leaves it to others to define it. */
# if __has_include(<linux/ioctl.h>)
#  include <linux/ioctl.h>
# endif
#else
/* A compiler that cannot ask (tcc 0.9.27): every distribution has them. */
# include <linux/version.h>
# include <linux/types.h>
# include <linux/ioctl.h>
#endif
#if defined UFFDIO_API && !defined _IOWR && defined __has_include
# if __has_include(<linux/ioctl.h>)
#  include <linux/ioctl.h>
# endif
#endif

/*
 * Headers of Linux 4.3 to 4.13 have a struct uffd_msg without the members
 * `fork`, `remap` and `remove` (4.11) and `pagefault.feat` (4.14), which no
 * macro can add. So they are not used. Only if such a header was included
 * before this one are those members not to be had; all else is.
 */
#if defined LINUX_VERSION_CODE && !defined UFFD_SYS_NO_LINUX_HEADERS
# if LINUX_VERSION_CODE < 0x040e00
#  define UFFD_SYS_OWN_DEFINITIONS
# endif
#endif

#if defined UFFD_SYS_OWN_DEFINITIONS
/* Everything is defined below, so the kernel's header may not follow. */
# if !defined _LINUX_USERFAULTFD_H
#  define _LINUX_USERFAULTFD_H
# endif
#elif defined __has_include
# if __has_include(<linux/userfaultfd.h>)
#  include <linux/userfaultfd.h>
# endif
#else
# include <linux/userfaultfd.h>
#endif

/*
 * <linux/fs.h> has PAGEMAP_SCAN since Linux 6.7. It must then come first,
 * because it could not follow our definitions of its structs. An older one is
 * of no use here, and its macros break the <sys/mount.h> of an older glibc.
 * WP_ASYNC arrived together with PAGEMAP_SCAN, so it shows a distribution that
 * added both to an older Linux, and a <linux/version.h> of another tree.
 */
#if !defined LINUX_VERSION_CODE
# define UFFD_SYS_LINUX 0
#else
# define UFFD_SYS_LINUX LINUX_VERSION_CODE
#endif
#if !defined PAGEMAP_SCAN && !defined UFFD_SYS_NO_LINUX_HEADERS && \
    !defined UFFD_SYS_NO_LINUX_FS
# if UFFD_SYS_LINUX >= 0x060700 || defined UFFD_FEATURE_WP_ASYNC
#  if defined __has_include
#   if __has_include(<linux/fs.h>)
#    include <linux/fs.h>
#   endif
#  elif defined _LINUX_MOUNT_H
#   include <linux/fs.h>
#  elif !defined _SYS_MOUNT_H
/* glibc's <sys/mount.h> repeats <linux/mount.h>, which <linux/fs.h> includes,
   unless it can ask whether that is there. Keep it out; and after it, use our
   own definitions. */
#   define _LINUX_MOUNT_H
#   include <linux/fs.h>
#   undef _LINUX_MOUNT_H
#  endif
# endif
#endif

/* C99, C++11 or newer */
#if defined __cplusplus
# if __cplusplus >= 201103L
#  define UFFD_SYS_C99
# endif
#elif defined __STDC_VERSION__
# if __STDC_VERSION__ >= 199901L
#  define UFFD_SYS_C99
# endif
#endif

/* The kernel's integer types. */
#if defined _LINUX_TYPES_H
# define UFFD_SYS_U8 __u8
# define UFFD_SYS_U16 __u16
# define UFFD_SYS_U32 __u32
# define UFFD_SYS_U64 __u64
# define UFFD_SYS_S64 __s64
#else
# define UFFD_SYS_U8 unsigned char
# define UFFD_SYS_U16 unsigned short
# define UFFD_SYS_U32 unsigned int
# if defined __GNUC__ && !defined UFFD_SYS_C99
/* Without a warning of -Wpedantic: g++ heeds only the pragma. */
#  pragma GCC diagnostic push
#  pragma GCC diagnostic ignored "-Wlong-long"
__extension__ typedef unsigned long long uffd_sys_u64;
__extension__ typedef signed long long uffd_sys_s64;
#  pragma GCC diagnostic pop
#  define UFFD_SYS_U64 uffd_sys_u64
#  define UFFD_SYS_S64 uffd_sys_s64
# else
#  define UFFD_SYS_U64 unsigned long long
#  define UFFD_SYS_S64 signed long long
# endif
#endif

/*
 * How a request code is put together: direction, size of the argument, type
 * and number, from the high bits to the low ones. Four processors have three
 * bits of direction, the others two; parisc counts them another way round.
 */
#if defined __mips__ || defined __powerpc__ || defined __sparc__ || \
    defined __alpha__
# define UFFD_SYS_IOC_NONE 1U
# define UFFD_SYS_IOC_READ 2U
# define UFFD_SYS_IOC_WRITE 4U
# define UFFD_SYS_IOC_DIRSHIFT 29
#elif defined __hppa__
# define UFFD_SYS_IOC_NONE 0U
# define UFFD_SYS_IOC_READ 1U
# define UFFD_SYS_IOC_WRITE 2U
# define UFFD_SYS_IOC_DIRSHIFT 30
#else
# define UFFD_SYS_IOC_NONE 0U
# define UFFD_SYS_IOC_READ 2U
# define UFFD_SYS_IOC_WRITE 1U
# define UFFD_SYS_IOC_DIRSHIFT 30
#endif
#define UFFD_SYS_IOC(dir, type, nr, size)                                    \
	((unsigned int)(((dir) << UFFD_SYS_IOC_DIRSHIFT) |                   \
			((unsigned int)(size) << 16) |                       \
			((unsigned int)(type) << 8) | (unsigned int)(nr)))
#define UFFD_SYS_IOR(type, nr, arg)                                          \
	UFFD_SYS_IOC(UFFD_SYS_IOC_READ, type, nr, sizeof(arg))
#define UFFD_SYS_IOW(type, nr, arg)                                          \
	UFFD_SYS_IOC(UFFD_SYS_IOC_WRITE, type, nr, sizeof(arg))
#define UFFD_SYS_IOWR(type, nr, arg)                                         \
	UFFD_SYS_IOC(UFFD_SYS_IOC_READ | UFFD_SYS_IOC_WRITE, type, nr,       \
		     sizeof(arg))

/* The masks of a header older than Linux 7.3 lack bits. A program's own
   fallback may have defined some of these names, so all are looked for. */
#if !defined UFFD_FEATURE_RWP || !defined UFFD_FEATURE_RWP_ASYNC || \
    !defined UFFDIO_REGISTER_MODE_RWP || !defined UFFDIO_RWPROTECT || \
    !defined UFFDIO_SET_MODE
# define UFFD_SYS_REPLACE_MASKS
#endif

/* A uffd_msg of before Linux 4.14, included by the program. */
#if defined UFFD_EVENT_PAGEFAULT && !defined UFFD_FEATURE_THREAD_ID
# define UFFD_SYS_OLD_MSG
#endif

/* ---- opening one ------------------------------------------------------ */

/* since Linux 5.11 */
#ifndef UFFD_USER_MODE_ONLY
# define UFFD_USER_MODE_ONLY 1
#endif

/* since Linux 6.1: /dev/userfaultfd */
#ifndef USERFAULTFD_IOC
# define USERFAULTFD_IOC 0xAA
#endif
#ifndef USERFAULTFD_IOC_NEW
# define USERFAULTFD_IOC_NEW                                                 \
	UFFD_SYS_IOC(UFFD_SYS_IOC_NONE, USERFAULTFD_IOC, 0x00, 0)
#endif

/* ---- the handshake and its features ----------------------------------- */

/* since Linux 4.3 */
#ifndef UFFD_API
# define UFFD_API ((UFFD_SYS_U64)0xAA)
#endif

/* since Linux 5.7 */
#ifndef UFFD_FEATURE_PAGEFAULT_FLAG_WP
# define UFFD_FEATURE_PAGEFAULT_FLAG_WP (1 << 0)
#endif

/* since Linux 4.11 */
#ifndef UFFD_FEATURE_EVENT_FORK
# define UFFD_FEATURE_EVENT_FORK (1 << 1)
#endif
#ifndef UFFD_FEATURE_EVENT_REMAP
# define UFFD_FEATURE_EVENT_REMAP (1 << 2)
#endif
#ifndef UFFD_FEATURE_EVENT_REMOVE
# define UFFD_FEATURE_EVENT_REMOVE (1 << 3)
#endif
#ifndef UFFD_FEATURE_MISSING_HUGETLBFS
# define UFFD_FEATURE_MISSING_HUGETLBFS (1 << 4)
#endif
#ifndef UFFD_FEATURE_MISSING_SHMEM
# define UFFD_FEATURE_MISSING_SHMEM (1 << 5)
#endif
#ifndef UFFD_FEATURE_EVENT_UNMAP
# define UFFD_FEATURE_EVENT_UNMAP (1 << 6)
#endif

/* since Linux 4.14 */
#ifndef UFFD_FEATURE_SIGBUS
# define UFFD_FEATURE_SIGBUS (1 << 7)
#endif
#ifndef UFFD_FEATURE_THREAD_ID
# define UFFD_FEATURE_THREAD_ID (1 << 8)
#endif

/* since Linux 5.13 */
#ifndef UFFD_FEATURE_MINOR_HUGETLBFS
# define UFFD_FEATURE_MINOR_HUGETLBFS (1 << 9)
#endif

/* since Linux 5.14 */
#ifndef UFFD_FEATURE_MINOR_SHMEM
# define UFFD_FEATURE_MINOR_SHMEM (1 << 10)
#endif

/* since Linux 5.18 */
#ifndef UFFD_FEATURE_EXACT_ADDRESS
# define UFFD_FEATURE_EXACT_ADDRESS (1 << 11)
#endif

/* since Linux 5.19 */
#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
# define UFFD_FEATURE_WP_HUGETLBFS_SHMEM (1 << 12)
#endif

/* since Linux 6.4 */
#ifndef UFFD_FEATURE_WP_UNPOPULATED
# define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif

/* since Linux 6.6 */
#ifndef UFFD_FEATURE_POISON
# define UFFD_FEATURE_POISON (1 << 14)
#endif

/* since Linux 6.7 */
#ifndef UFFD_FEATURE_WP_ASYNC
# define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif

/* since Linux 6.8 */
#ifndef UFFD_FEATURE_MOVE
# define UFFD_FEATURE_MOVE (1 << 16)
#endif

/* since Linux 7.3 */
#ifndef UFFD_FEATURE_RWP
# define UFFD_FEATURE_RWP (1 << 17)
#endif
#ifndef UFFD_FEATURE_RWP_ASYNC
# define UFFD_FEATURE_RWP_ASYNC (1 << 18)
#endif

/* ---- numbers of the ioctls: bits of the fields named `ioctls` ---------- */

/* since Linux 4.3 */
#ifndef _UFFDIO_REGISTER
# define _UFFDIO_REGISTER (0x00)
#endif
#ifndef _UFFDIO_UNREGISTER
# define _UFFDIO_UNREGISTER (0x01)
#endif
#ifndef _UFFDIO_WAKE
# define _UFFDIO_WAKE (0x02)
#endif
#ifndef _UFFDIO_COPY
# define _UFFDIO_COPY (0x03)
#endif
#ifndef _UFFDIO_ZEROPAGE
# define _UFFDIO_ZEROPAGE (0x04)
#endif
#ifndef _UFFDIO_API
# define _UFFDIO_API (0x3F)
#endif

/* since Linux 5.7 */
#ifndef _UFFDIO_WRITEPROTECT
# define _UFFDIO_WRITEPROTECT (0x06)
#endif

/* since Linux 5.13 */
#ifndef _UFFDIO_CONTINUE
# define _UFFDIO_CONTINUE (0x07)
#endif

/* since Linux 6.6 */
#ifndef _UFFDIO_POISON
# define _UFFDIO_POISON (0x08)
#endif

/* since Linux 6.8 */
#ifndef _UFFDIO_MOVE
# define _UFFDIO_MOVE (0x05)
#endif

/* since Linux 7.3 */
#ifndef _UFFDIO_RWPROTECT
# define _UFFDIO_RWPROTECT (0x09)
#endif
#ifndef _UFFDIO_SET_MODE
# define _UFFDIO_SET_MODE (0x0A)
#endif

/* ---- request codes with their structs --------------------------------- */

/* since Linux 4.3 */
#ifndef UFFDIO
# define UFFDIO 0xAA
#endif

/* since Linux 4.3 */
#ifndef UFFDIO_API
struct uffdio_api { /* redefined? remove your fallback */
	UFFD_SYS_U64 api;
	UFFD_SYS_U64 features;
	UFFD_SYS_U64 ioctls;
};
# define UFFDIO_API UFFD_SYS_IOWR(UFFDIO, _UFFDIO_API, struct uffdio_api)
#endif

/* since Linux 4.3 */
#ifndef UFFDIO_UNREGISTER
struct uffdio_range { /* redefined? remove your fallback */
	UFFD_SYS_U64 start;
	UFFD_SYS_U64 len;
};
# define UFFDIO_UNREGISTER                                                   \
	UFFD_SYS_IOR(UFFDIO, _UFFDIO_UNREGISTER, struct uffdio_range)
#endif

/* since Linux 4.3 */
#ifndef UFFDIO_WAKE
# define UFFDIO_WAKE UFFD_SYS_IOR(UFFDIO, _UFFDIO_WAKE, struct uffdio_range)
#endif

/* since Linux 4.3 */
#ifndef UFFDIO_REGISTER
struct uffdio_register { /* redefined? remove your fallback */
	struct uffdio_range range;
	UFFD_SYS_U64 mode;
	UFFD_SYS_U64 ioctls;
};
# define UFFDIO_REGISTER                                                     \
	UFFD_SYS_IOWR(UFFDIO, _UFFDIO_REGISTER, struct uffdio_register)
#endif
#ifndef UFFDIO_REGISTER_MODE_MISSING
# define UFFDIO_REGISTER_MODE_MISSING ((UFFD_SYS_U64)1 << 0)
#endif
/* since Linux 5.7 */
#ifndef UFFDIO_REGISTER_MODE_WP
# define UFFDIO_REGISTER_MODE_WP ((UFFD_SYS_U64)1 << 1)
#endif
/* since Linux 5.13 */
#ifndef UFFDIO_REGISTER_MODE_MINOR
# define UFFDIO_REGISTER_MODE_MINOR ((UFFD_SYS_U64)1 << 2)
#endif
/* since Linux 7.3 */
#ifndef UFFDIO_REGISTER_MODE_RWP
# define UFFDIO_REGISTER_MODE_RWP ((UFFD_SYS_U64)1 << 3)
#endif

/* since Linux 4.3 */
#ifndef UFFDIO_COPY
struct uffdio_copy { /* redefined? remove your fallback */
	UFFD_SYS_U64 dst;
	UFFD_SYS_U64 src;
	UFFD_SYS_U64 len;
	UFFD_SYS_U64 mode;
	UFFD_SYS_S64 copy;
};
# define UFFDIO_COPY UFFD_SYS_IOWR(UFFDIO, _UFFDIO_COPY, struct uffdio_copy)
#endif
#ifndef UFFDIO_COPY_MODE_DONTWAKE
# define UFFDIO_COPY_MODE_DONTWAKE ((UFFD_SYS_U64)1 << 0)
#endif
/* since Linux 5.7 */
#ifndef UFFDIO_COPY_MODE_WP
# define UFFDIO_COPY_MODE_WP ((UFFD_SYS_U64)1 << 1)
#endif

/* since Linux 4.3 */
#ifndef UFFDIO_ZEROPAGE
struct uffdio_zeropage { /* redefined? remove your fallback */
	struct uffdio_range range;
	UFFD_SYS_U64 mode;
	UFFD_SYS_S64 zeropage;
};
# define UFFDIO_ZEROPAGE                                                     \
	UFFD_SYS_IOWR(UFFDIO, _UFFDIO_ZEROPAGE, struct uffdio_zeropage)
#endif
#ifndef UFFDIO_ZEROPAGE_MODE_DONTWAKE
# define UFFDIO_ZEROPAGE_MODE_DONTWAKE ((UFFD_SYS_U64)1 << 0)
#endif

/* since Linux 5.7 */
#ifndef UFFDIO_WRITEPROTECT
struct uffdio_writeprotect { /* redefined? remove your fallback */
	struct uffdio_range range;
	UFFD_SYS_U64 mode;
};
# define UFFDIO_WRITEPROTECT                                                 \
	UFFD_SYS_IOWR(UFFDIO, _UFFDIO_WRITEPROTECT, struct uffdio_writeprotect)
#endif
#ifndef UFFDIO_WRITEPROTECT_MODE_WP
# define UFFDIO_WRITEPROTECT_MODE_WP ((UFFD_SYS_U64)1 << 0)
#endif
#ifndef UFFDIO_WRITEPROTECT_MODE_DONTWAKE
# define UFFDIO_WRITEPROTECT_MODE_DONTWAKE ((UFFD_SYS_U64)1 << 1)
#endif

/* since Linux 5.13 */
#ifndef UFFDIO_CONTINUE
struct uffdio_continue { /* redefined? remove your fallback */
	struct uffdio_range range;
	UFFD_SYS_U64 mode;
	UFFD_SYS_S64 mapped;
};
# define UFFDIO_CONTINUE                                                     \
	UFFD_SYS_IOWR(UFFDIO, _UFFDIO_CONTINUE, struct uffdio_continue)
#endif
#ifndef UFFDIO_CONTINUE_MODE_DONTWAKE
# define UFFDIO_CONTINUE_MODE_DONTWAKE ((UFFD_SYS_U64)1 << 0)
#endif
/* since Linux 6.4 */
#ifndef UFFDIO_CONTINUE_MODE_WP
# define UFFDIO_CONTINUE_MODE_WP ((UFFD_SYS_U64)1 << 1)
#endif

/* since Linux 6.6 */
#ifndef UFFDIO_POISON
struct uffdio_poison { /* redefined? remove your fallback */
	struct uffdio_range range;
	UFFD_SYS_U64 mode;
	UFFD_SYS_S64 updated;
};
# define UFFDIO_POISON                                                       \
	UFFD_SYS_IOWR(UFFDIO, _UFFDIO_POISON, struct uffdio_poison)
#endif
#ifndef UFFDIO_POISON_MODE_DONTWAKE
# define UFFDIO_POISON_MODE_DONTWAKE ((UFFD_SYS_U64)1 << 0)
#endif

/* since Linux 6.8 */
#ifndef UFFDIO_MOVE
struct uffdio_move { /* redefined? remove your fallback */
	UFFD_SYS_U64 dst;
	UFFD_SYS_U64 src;
	UFFD_SYS_U64 len;
	UFFD_SYS_U64 mode;
	UFFD_SYS_S64 move;
};
# define UFFDIO_MOVE UFFD_SYS_IOWR(UFFDIO, _UFFDIO_MOVE, struct uffdio_move)
#endif
#ifndef UFFDIO_MOVE_MODE_DONTWAKE
# define UFFDIO_MOVE_MODE_DONTWAKE ((UFFD_SYS_U64)1 << 0)
#endif
#ifndef UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES
# define UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES ((UFFD_SYS_U64)1 << 1)
#endif

/* since Linux 7.3 */
#ifndef UFFDIO_RWPROTECT
struct uffdio_rwprotect { /* redefined? remove your fallback */
	struct uffdio_range range;
	UFFD_SYS_U64 mode;
};
# define UFFDIO_RWPROTECT                                                    \
	UFFD_SYS_IOWR(UFFDIO, _UFFDIO_RWPROTECT, struct uffdio_rwprotect)
#endif
#ifndef UFFDIO_RWPROTECT_MODE_RWP
# define UFFDIO_RWPROTECT_MODE_RWP ((UFFD_SYS_U64)1 << 0)
#endif
#ifndef UFFDIO_RWPROTECT_MODE_DONTWAKE
# define UFFDIO_RWPROTECT_MODE_DONTWAKE ((UFFD_SYS_U64)1 << 1)
#endif

/* since Linux 7.3 */
#ifndef UFFDIO_SET_MODE
struct uffdio_set_mode { /* redefined? remove your fallback */
	UFFD_SYS_U64 enable;
	UFFD_SYS_U64 disable;
};
# define UFFDIO_SET_MODE                                                     \
	UFFD_SYS_IOW(UFFDIO, _UFFDIO_SET_MODE, struct uffdio_set_mode)
#endif

/* ---- masks of all that is known ---------------------------------------- */

/*
 * All five say what the headers know. The running kernel may have fewer bits,
 * or more. Test the bits that you need; never require all bits of a mask, as
 * (ioctls & UFFD_API_RANGE_IOCTLS) == UFFD_API_RANGE_IOCTLS does, and never
 * request all of UFFD_API_FEATURES.
 */

#ifdef UFFD_SYS_REPLACE_MASKS
# undef UFFD_API_REGISTER_MODES
# undef UFFD_API_FEATURES
# undef UFFD_API_IOCTLS
# undef UFFD_API_RANGE_IOCTLS
# undef UFFD_API_RANGE_IOCTLS_BASIC
#endif

/* since Linux 5.13 */
#ifndef UFFD_API_REGISTER_MODES
# define UFFD_API_REGISTER_MODES                                             \
	(UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP |            \
	 UFFDIO_REGISTER_MODE_MINOR | UFFDIO_REGISTER_MODE_RWP)
#endif
/* since Linux 4.3 */
#ifndef UFFD_API_FEATURES
# define UFFD_API_FEATURES                                                   \
	(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_EVENT_FORK |          \
	 UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE |              \
	 UFFD_FEATURE_MISSING_HUGETLBFS | UFFD_FEATURE_MISSING_SHMEM |       \
	 UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_SIGBUS |                    \
	 UFFD_FEATURE_THREAD_ID | UFFD_FEATURE_MINOR_HUGETLBFS |             \
	 UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_EXACT_ADDRESS |             \
	 UFFD_FEATURE_WP_HUGETLBFS_SHMEM | UFFD_FEATURE_WP_UNPOPULATED |     \
	 UFFD_FEATURE_POISON | UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_MOVE |   \
	 UFFD_FEATURE_RWP | UFFD_FEATURE_RWP_ASYNC)
#endif
#ifndef UFFD_API_IOCTLS
# define UFFD_API_IOCTLS                                                     \
	((UFFD_SYS_U64)1 << _UFFDIO_REGISTER |                               \
	 (UFFD_SYS_U64)1 << _UFFDIO_UNREGISTER |                             \
	 (UFFD_SYS_U64)1 << _UFFDIO_SET_MODE |                               \
	 (UFFD_SYS_U64)1 << _UFFDIO_API)
#endif
#ifndef UFFD_API_RANGE_IOCTLS
# define UFFD_API_RANGE_IOCTLS                                               \
	((UFFD_SYS_U64)1 << _UFFDIO_WAKE | (UFFD_SYS_U64)1 << _UFFDIO_COPY | \
	 (UFFD_SYS_U64)1 << _UFFDIO_ZEROPAGE |                               \
	 (UFFD_SYS_U64)1 << _UFFDIO_MOVE |                                   \
	 (UFFD_SYS_U64)1 << _UFFDIO_WRITEPROTECT |                           \
	 (UFFD_SYS_U64)1 << _UFFDIO_CONTINUE |                               \
	 (UFFD_SYS_U64)1 << _UFFDIO_POISON |                                 \
	 (UFFD_SYS_U64)1 << _UFFDIO_RWPROTECT)
#endif
/* since Linux 4.11: what hugetlbfs takes */
#ifndef UFFD_API_RANGE_IOCTLS_BASIC
# define UFFD_API_RANGE_IOCTLS_BASIC                                         \
	((UFFD_SYS_U64)1 << _UFFDIO_WAKE | (UFFD_SYS_U64)1 << _UFFDIO_COPY | \
	 (UFFD_SYS_U64)1 << _UFFDIO_WRITEPROTECT |                           \
	 (UFFD_SYS_U64)1 << _UFFDIO_CONTINUE |                               \
	 (UFFD_SYS_U64)1 << _UFFDIO_POISON |                                 \
	 (UFFD_SYS_U64)1 << _UFFDIO_RWPROTECT)
#endif

/* ---- the messages that read(2) gives ----------------------------------- */

/* since Linux 4.3; fork, remap and remove since Linux 4.11 */
#ifndef UFFD_EVENT_PAGEFAULT
struct uffd_msg {
	UFFD_SYS_U8 event;
	UFFD_SYS_U8 reserved1;
	UFFD_SYS_U16 reserved2;
	UFFD_SYS_U32 reserved3;
	union {
		struct {
			UFFD_SYS_U64 flags;
			UFFD_SYS_U64 address;
			union {
				UFFD_SYS_U32 ptid;
			} feat;
		} pagefault;
		struct {
			UFFD_SYS_U32 ufd;
		} fork;
		struct {
			UFFD_SYS_U64 from;
			UFFD_SYS_U64 to;
			UFFD_SYS_U64 len;
		} remap;
		struct {
			UFFD_SYS_U64 start;
			UFFD_SYS_U64 end;
		} remove;
		struct {
			UFFD_SYS_U64 reserved1;
			UFFD_SYS_U64 reserved2;
			UFFD_SYS_U64 reserved3;
		} reserved;
	} arg;
} __attribute__((packed));
# define UFFD_EVENT_PAGEFAULT 0x12
#endif

/* since Linux 4.11 */
#ifndef UFFD_EVENT_FORK
# define UFFD_EVENT_FORK 0x13
#endif
#ifndef UFFD_EVENT_REMAP
# define UFFD_EVENT_REMAP 0x14
#endif
#ifndef UFFD_EVENT_REMOVE
# define UFFD_EVENT_REMOVE 0x15
#endif
#ifndef UFFD_EVENT_UNMAP
# define UFFD_EVENT_UNMAP 0x16
#endif

/* since Linux 4.3 */
#ifndef UFFD_PAGEFAULT_FLAG_WRITE
# define UFFD_PAGEFAULT_FLAG_WRITE (1 << 0)
#endif
/* since Linux 5.7 */
#ifndef UFFD_PAGEFAULT_FLAG_WP
# define UFFD_PAGEFAULT_FLAG_WP (1 << 1)
#endif
/* since Linux 5.13 */
#ifndef UFFD_PAGEFAULT_FLAG_MINOR
# define UFFD_PAGEFAULT_FLAG_MINOR (1 << 2)
#endif
/* since Linux 7.3 */
#ifndef UFFD_PAGEFAULT_FLAG_RWP
# define UFFD_PAGEFAULT_FLAG_RWP (1 << 3)
#endif

/* ---- PAGEMAP_SCAN, the ioctl of /proc/PID/pagemap ----------------------- */

/* since Linux 6.7 */
#ifndef PROCFS_IOCTL_MAGIC
# define PROCFS_IOCTL_MAGIC 'f'
#endif
#ifndef PAGEMAP_SCAN
struct page_region { /* redefined? include <linux/fs.h> first */
	UFFD_SYS_U64 start;
	UFFD_SYS_U64 end;
	UFFD_SYS_U64 categories;
};
struct pm_scan_arg { /* redefined? include <linux/fs.h> first */
	UFFD_SYS_U64 size;
	UFFD_SYS_U64 flags;
	UFFD_SYS_U64 start;
	UFFD_SYS_U64 end;
	UFFD_SYS_U64 walk_end;
	UFFD_SYS_U64 vec;
	UFFD_SYS_U64 vec_len;
	UFFD_SYS_U64 max_pages;
	UFFD_SYS_U64 category_inverted;
	UFFD_SYS_U64 category_mask;
	UFFD_SYS_U64 category_anyof_mask;
	UFFD_SYS_U64 return_mask;
};
# define PAGEMAP_SCAN                                                        \
	UFFD_SYS_IOWR(PROCFS_IOCTL_MAGIC, 16, struct pm_scan_arg)
#endif
#ifndef PAGE_IS_WPALLOWED
# define PAGE_IS_WPALLOWED (1 << 0)
#endif
#ifndef PAGE_IS_WRITTEN
# define PAGE_IS_WRITTEN (1 << 1)
#endif
#ifndef PAGE_IS_FILE
# define PAGE_IS_FILE (1 << 2)
#endif
#ifndef PAGE_IS_PRESENT
# define PAGE_IS_PRESENT (1 << 3)
#endif
#ifndef PAGE_IS_SWAPPED
# define PAGE_IS_SWAPPED (1 << 4)
#endif
#ifndef PAGE_IS_PFNZERO
# define PAGE_IS_PFNZERO (1 << 5)
#endif
#ifndef PAGE_IS_HUGE
# define PAGE_IS_HUGE (1 << 6)
#endif
/* since Linux 6.8 */
#ifndef PAGE_IS_SOFT_DIRTY
# define PAGE_IS_SOFT_DIRTY (1 << 7)
#endif
/* since Linux 6.16 */
#ifndef PAGE_IS_GUARD
# define PAGE_IS_GUARD (1 << 8)
#endif
/* since Linux 7.3 */
#ifndef PAGE_IS_ACCESSED
# define PAGE_IS_ACCESSED (1 << 9)
#endif
/* since Linux 6.7 */
#ifndef PM_SCAN_WP_MATCHING
# define PM_SCAN_WP_MATCHING (1 << 0)
#endif
#ifndef PM_SCAN_CHECK_WPASYNC
# define PM_SCAN_CHECK_WPASYNC (1 << 1)
#endif

/* ---- the compiler agrees with the kernel -------------------------------- */

/* An assertion fails where a header or a program defines something in another
   way than the kernel. Where the language has no message, the name of the type
   says what is refused. No apostrophes in messages: gcc prints them as \'. */
#if defined __cplusplus && defined UFFD_SYS_C99
# define UFFD_SYS_ASSERT(type, condition, message)                           \
	static_assert(condition, message)
#elif !defined __cplusplus && (defined __clang__ || __GNUC__ >= 5)
# define UFFD_SYS_ASSERT(type, condition, message)                           \
	__extension__ _Static_assert(condition, message)
#else
# define UFFD_SYS_ASSERT(type, condition, message)                           \
	typedef char type[(condition) ? 1 : -1]
#endif
#if defined __GNUC__
# define UFFD_SYS_OFFSET(type, field) __builtin_offsetof(type, field)
#else
# include <stddef.h>
# define UFFD_SYS_OFFSET(type, field) offsetof(type, field)
#endif

/* In a struct, as 32-bit x86 and m68k align 64 bits less strictly. */
#if defined __i386__
# define UFFD_SYS_U64_ALIGN 4
#elif defined __m68k__
# define UFFD_SYS_U64_ALIGN 2
#else
# define UFFD_SYS_U64_ALIGN 8
#endif

#define UFFD_SYS_VALUE(name, value)                                          \
	UFFD_SYS_ASSERT(uffd_sys_h_refuses_##name, (name) == (value),        \
			"uffd_sys.h: " #name " is not " #value UFFD_SYS_REMEDY)
#define UFFD_SYS_FIELD(name, field, offset, size)                            \
	UFFD_SYS_ASSERT(uffd_sys_h_refuses_##name,                           \
		UFFD_SYS_OFFSET(struct name, field) == (offset) &&           \
		sizeof(((struct name *)0)->field) == (size),                 \
		"uffd_sys.h: struct " #name ": " #field " is not " #size     \
		" bytes at offset " #offset UFFD_SYS_REMEDY)
#define UFFD_SYS_SIGNED(name, field)                                         \
	UFFD_SYS_ASSERT(uffd_sys_h_refuses_##name,                           \
		(__typeof__(((struct name *)0)->field))-1 < 0,               \
		"uffd_sys.h: struct " #name ": " #field " is not signed"     \
		UFFD_SYS_REMEDY)
#define UFFD_SYS_ALIGN(name, align)                                          \
	UFFD_SYS_ASSERT(uffd_sys_h_refuses_##name,                           \
		__alignof__(struct name) == (align),                         \
		"uffd_sys.h: struct " #name " is packed or aligned in"       \
		" another way than in the kernel (#pragma pack?)"            \
		UFFD_SYS_REMEDY)
#define UFFD_SYS_EXACT(name, size)                                           \
	UFFD_SYS_ASSERT(uffd_sys_h_refuses_##name,                           \
		sizeof(struct name) == (size), /* incomplete? your macro,    \
		without its struct, came first: see the top */               \
		"uffd_sys.h: struct " #name " is not " #size " bytes"        \
		UFFD_SYS_REMEDY);                                            \
	UFFD_SYS_ALIGN(name, UFFD_SYS_U64_ALIGN)
#define UFFD_SYS_AT_LEAST(name, size)                                        \
	UFFD_SYS_ASSERT(uffd_sys_h_refuses_##name,                           \
		sizeof(struct name) >= (size),                               \
		"uffd_sys.h: struct " #name " is less than " #size " bytes"  \
		UFFD_SYS_REMEDY)

#define UFFD_SYS_REMEDY                                                      \
	". Its definition is a wrong copy of the kernel header, or newer"    \
	" than this file. Correct it, update uffd_sys.h, or define"          \
	" UFFD_SYS_NO_LINUX_HEADERS and include uffd_sys.h before"           \
	" <linux/userfaultfd.h>."

/* Arguments, which are a part of their request's code: of one size. */
UFFD_SYS_EXACT(uffdio_api, 24);
UFFD_SYS_FIELD(uffdio_api, api, 0, 8);
UFFD_SYS_FIELD(uffdio_api, features, 8, 8);
UFFD_SYS_FIELD(uffdio_api, ioctls, 16, 8);
UFFD_SYS_EXACT(uffdio_range, 16);
UFFD_SYS_FIELD(uffdio_range, start, 0, 8);
UFFD_SYS_FIELD(uffdio_range, len, 8, 8);
UFFD_SYS_EXACT(uffdio_register, 32);
UFFD_SYS_FIELD(uffdio_register, range, 0, 16);
UFFD_SYS_FIELD(uffdio_register, mode, 16, 8);
UFFD_SYS_FIELD(uffdio_register, ioctls, 24, 8);
UFFD_SYS_EXACT(uffdio_copy, 40);
UFFD_SYS_FIELD(uffdio_copy, dst, 0, 8);
UFFD_SYS_FIELD(uffdio_copy, src, 8, 8);
UFFD_SYS_FIELD(uffdio_copy, len, 16, 8);
UFFD_SYS_FIELD(uffdio_copy, mode, 24, 8);
UFFD_SYS_FIELD(uffdio_copy, copy, 32, 8);
UFFD_SYS_SIGNED(uffdio_copy, copy);
UFFD_SYS_EXACT(uffdio_zeropage, 32);
UFFD_SYS_FIELD(uffdio_zeropage, range, 0, 16);
UFFD_SYS_FIELD(uffdio_zeropage, mode, 16, 8);
UFFD_SYS_FIELD(uffdio_zeropage, zeropage, 24, 8);
UFFD_SYS_SIGNED(uffdio_zeropage, zeropage);
UFFD_SYS_EXACT(uffdio_writeprotect, 24);
UFFD_SYS_FIELD(uffdio_writeprotect, range, 0, 16);
UFFD_SYS_FIELD(uffdio_writeprotect, mode, 16, 8);
UFFD_SYS_EXACT(uffdio_continue, 32);
UFFD_SYS_FIELD(uffdio_continue, range, 0, 16);
UFFD_SYS_FIELD(uffdio_continue, mode, 16, 8);
UFFD_SYS_FIELD(uffdio_continue, mapped, 24, 8);
UFFD_SYS_SIGNED(uffdio_continue, mapped);
UFFD_SYS_EXACT(uffdio_poison, 32);
UFFD_SYS_FIELD(uffdio_poison, range, 0, 16);
UFFD_SYS_FIELD(uffdio_poison, mode, 16, 8);
UFFD_SYS_FIELD(uffdio_poison, updated, 24, 8);
UFFD_SYS_SIGNED(uffdio_poison, updated);
UFFD_SYS_EXACT(uffdio_move, 40);
UFFD_SYS_FIELD(uffdio_move, dst, 0, 8);
UFFD_SYS_FIELD(uffdio_move, src, 8, 8);
UFFD_SYS_FIELD(uffdio_move, len, 16, 8);
UFFD_SYS_FIELD(uffdio_move, mode, 24, 8);
UFFD_SYS_FIELD(uffdio_move, move, 32, 8);
UFFD_SYS_SIGNED(uffdio_move, move);
UFFD_SYS_EXACT(uffdio_rwprotect, 24);
UFFD_SYS_FIELD(uffdio_rwprotect, range, 0, 16);
UFFD_SYS_FIELD(uffdio_rwprotect, mode, 16, 8);
UFFD_SYS_EXACT(uffdio_set_mode, 16);
UFFD_SYS_FIELD(uffdio_set_mode, enable, 0, 8);
UFFD_SYS_FIELD(uffdio_set_mode, disable, 8, 8);

/* Messages may grow. __attribute__ is defined away by glibc where the compiler
   is neither gcc nor clang (tcc): uffd_msg is then aligned more strictly, which
   does no harm. */
UFFD_SYS_AT_LEAST(uffd_msg, 32);
#if !defined __attribute__
UFFD_SYS_ALIGN(uffd_msg, 1);
#endif
UFFD_SYS_FIELD(uffd_msg, event, 0, 1);
UFFD_SYS_FIELD(uffd_msg, reserved1, 1, 1);
UFFD_SYS_FIELD(uffd_msg, reserved2, 2, 2);
UFFD_SYS_FIELD(uffd_msg, reserved3, 4, 4);
UFFD_SYS_FIELD(uffd_msg, arg.pagefault.flags, 8, 8);
UFFD_SYS_FIELD(uffd_msg, arg.pagefault.address, 16, 8);
UFFD_SYS_FIELD(uffd_msg, arg.reserved.reserved1, 8, 8);
UFFD_SYS_FIELD(uffd_msg, arg.reserved.reserved2, 16, 8);
UFFD_SYS_FIELD(uffd_msg, arg.reserved.reserved3, 24, 8);
#if !defined UFFD_SYS_OLD_MSG
UFFD_SYS_FIELD(uffd_msg, arg.pagefault.feat.ptid, 24, 4);
UFFD_SYS_FIELD(uffd_msg, arg.fork.ufd, 8, 4);
UFFD_SYS_FIELD(uffd_msg, arg.remap.from, 8, 8);
UFFD_SYS_FIELD(uffd_msg, arg.remap.to, 16, 8);
UFFD_SYS_FIELD(uffd_msg, arg.remap.len, 24, 8);
UFFD_SYS_FIELD(uffd_msg, arg.remove.start, 8, 8);
UFFD_SYS_FIELD(uffd_msg, arg.remove.end, 16, 8);
#endif

/* Request codes: the direction, and the number for all processors. */
#define UFFD_SYS_CODE_NONE (UFFD_SYS_IOC_NONE << UFFD_SYS_IOC_DIRSHIFT)
#define UFFD_SYS_CODE_R (UFFD_SYS_IOC_READ << UFFD_SYS_IOC_DIRSHIFT)
#define UFFD_SYS_CODE_W (UFFD_SYS_IOC_WRITE << UFFD_SYS_IOC_DIRSHIFT)
#define UFFD_SYS_CODE_RW (UFFD_SYS_CODE_R | UFFD_SYS_CODE_W)
#define UFFD_SYS_REQUEST(name, direction, rest)                              \
	UFFD_SYS_ASSERT(uffd_sys_h_refuses_##name,                           \
		(name) == (UFFD_SYS_CODE_##direction | (rest)),              \
		"uffd_sys.h: " #name " is not the request code " #direction  \
		" " #rest UFFD_SYS_REMEDY)
UFFD_SYS_REQUEST(USERFAULTFD_IOC_NEW, NONE, 0x00AA00);
UFFD_SYS_REQUEST(UFFDIO_API, RW, 0x18AA3F);
UFFD_SYS_REQUEST(UFFDIO_REGISTER, RW, 0x20AA00);
UFFD_SYS_REQUEST(UFFDIO_UNREGISTER, R, 0x10AA01);
UFFD_SYS_REQUEST(UFFDIO_WAKE, R, 0x10AA02);
UFFD_SYS_REQUEST(UFFDIO_COPY, RW, 0x28AA03);
UFFD_SYS_REQUEST(UFFDIO_ZEROPAGE, RW, 0x20AA04);
UFFD_SYS_REQUEST(UFFDIO_MOVE, RW, 0x28AA05);
UFFD_SYS_REQUEST(UFFDIO_WRITEPROTECT, RW, 0x18AA06);
UFFD_SYS_REQUEST(UFFDIO_CONTINUE, RW, 0x20AA07);
UFFD_SYS_REQUEST(UFFDIO_POISON, RW, 0x20AA08);
UFFD_SYS_REQUEST(UFFDIO_RWPROTECT, RW, 0x18AA09);
UFFD_SYS_REQUEST(UFFDIO_SET_MODE, W, 0x10AA0A);

/* Everything else but the masks, which grow. */
UFFD_SYS_VALUE(UFFD_USER_MODE_ONLY, 1);
UFFD_SYS_VALUE(USERFAULTFD_IOC, 0xAA);
UFFD_SYS_VALUE(UFFD_API, 0xAA);
UFFD_SYS_VALUE(UFFD_FEATURE_PAGEFAULT_FLAG_WP, 1 << 0);
UFFD_SYS_VALUE(UFFD_FEATURE_EVENT_FORK, 1 << 1);
UFFD_SYS_VALUE(UFFD_FEATURE_EVENT_REMAP, 1 << 2);
UFFD_SYS_VALUE(UFFD_FEATURE_EVENT_REMOVE, 1 << 3);
UFFD_SYS_VALUE(UFFD_FEATURE_MISSING_HUGETLBFS, 1 << 4);
UFFD_SYS_VALUE(UFFD_FEATURE_MISSING_SHMEM, 1 << 5);
UFFD_SYS_VALUE(UFFD_FEATURE_EVENT_UNMAP, 1 << 6);
UFFD_SYS_VALUE(UFFD_FEATURE_SIGBUS, 1 << 7);
UFFD_SYS_VALUE(UFFD_FEATURE_THREAD_ID, 1 << 8);
UFFD_SYS_VALUE(UFFD_FEATURE_MINOR_HUGETLBFS, 1 << 9);
UFFD_SYS_VALUE(UFFD_FEATURE_MINOR_SHMEM, 1 << 10);
UFFD_SYS_VALUE(UFFD_FEATURE_EXACT_ADDRESS, 1 << 11);
UFFD_SYS_VALUE(UFFD_FEATURE_WP_HUGETLBFS_SHMEM, 1 << 12);
UFFD_SYS_VALUE(UFFD_FEATURE_WP_UNPOPULATED, 1 << 13);
UFFD_SYS_VALUE(UFFD_FEATURE_POISON, 1 << 14);
UFFD_SYS_VALUE(UFFD_FEATURE_WP_ASYNC, 1 << 15);
UFFD_SYS_VALUE(UFFD_FEATURE_MOVE, 1 << 16);
UFFD_SYS_VALUE(UFFD_FEATURE_RWP, 1 << 17);
UFFD_SYS_VALUE(UFFD_FEATURE_RWP_ASYNC, 1 << 18);
UFFD_SYS_VALUE(_UFFDIO_REGISTER, 0x00);
UFFD_SYS_VALUE(_UFFDIO_UNREGISTER, 0x01);
UFFD_SYS_VALUE(_UFFDIO_WAKE, 0x02);
UFFD_SYS_VALUE(_UFFDIO_COPY, 0x03);
UFFD_SYS_VALUE(_UFFDIO_ZEROPAGE, 0x04);
UFFD_SYS_VALUE(_UFFDIO_MOVE, 0x05);
UFFD_SYS_VALUE(_UFFDIO_WRITEPROTECT, 0x06);
UFFD_SYS_VALUE(_UFFDIO_CONTINUE, 0x07);
UFFD_SYS_VALUE(_UFFDIO_POISON, 0x08);
UFFD_SYS_VALUE(_UFFDIO_RWPROTECT, 0x09);
UFFD_SYS_VALUE(_UFFDIO_SET_MODE, 0x0A);
UFFD_SYS_VALUE(_UFFDIO_API, 0x3F);
UFFD_SYS_VALUE(UFFDIO, 0xAA);
UFFD_SYS_VALUE(UFFDIO_REGISTER_MODE_MISSING, 1 << 0);
UFFD_SYS_VALUE(UFFDIO_REGISTER_MODE_WP, 1 << 1);
UFFD_SYS_VALUE(UFFDIO_REGISTER_MODE_MINOR, 1 << 2);
UFFD_SYS_VALUE(UFFDIO_REGISTER_MODE_RWP, 1 << 3);
UFFD_SYS_VALUE(UFFDIO_COPY_MODE_DONTWAKE, 1 << 0);
UFFD_SYS_VALUE(UFFDIO_COPY_MODE_WP, 1 << 1);
UFFD_SYS_VALUE(UFFDIO_ZEROPAGE_MODE_DONTWAKE, 1 << 0);
UFFD_SYS_VALUE(UFFDIO_WRITEPROTECT_MODE_WP, 1 << 0);
UFFD_SYS_VALUE(UFFDIO_WRITEPROTECT_MODE_DONTWAKE, 1 << 1);
UFFD_SYS_VALUE(UFFDIO_CONTINUE_MODE_DONTWAKE, 1 << 0);
UFFD_SYS_VALUE(UFFDIO_CONTINUE_MODE_WP, 1 << 1);
UFFD_SYS_VALUE(UFFDIO_POISON_MODE_DONTWAKE, 1 << 0);
UFFD_SYS_VALUE(UFFDIO_MOVE_MODE_DONTWAKE, 1 << 0);
UFFD_SYS_VALUE(UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES, 1 << 1);
UFFD_SYS_VALUE(UFFDIO_RWPROTECT_MODE_RWP, 1 << 0);
UFFD_SYS_VALUE(UFFDIO_RWPROTECT_MODE_DONTWAKE, 1 << 1);
UFFD_SYS_VALUE(UFFD_EVENT_PAGEFAULT, 0x12);
UFFD_SYS_VALUE(UFFD_EVENT_FORK, 0x13);
UFFD_SYS_VALUE(UFFD_EVENT_REMAP, 0x14);
UFFD_SYS_VALUE(UFFD_EVENT_REMOVE, 0x15);
UFFD_SYS_VALUE(UFFD_EVENT_UNMAP, 0x16);
UFFD_SYS_VALUE(UFFD_PAGEFAULT_FLAG_WRITE, 1 << 0);
UFFD_SYS_VALUE(UFFD_PAGEFAULT_FLAG_WP, 1 << 1);
UFFD_SYS_VALUE(UFFD_PAGEFAULT_FLAG_MINOR, 1 << 2);
UFFD_SYS_VALUE(UFFD_PAGEFAULT_FLAG_RWP, 1 << 3);

/* What <linux/fs.h> defines. */
#undef UFFD_SYS_REMEDY
#define UFFD_SYS_REMEDY                                                      \
	". Its <linux/fs.h> is a wrong copy of the kernel header, or newer"  \
	" than this file. Correct it, update uffd_sys.h, or define"          \
	" UFFD_SYS_NO_LINUX_FS and do not include <linux/fs.h>."
UFFD_SYS_EXACT(pm_scan_arg, 96);
UFFD_SYS_FIELD(pm_scan_arg, size, 0, 8);
UFFD_SYS_FIELD(pm_scan_arg, flags, 8, 8);
UFFD_SYS_FIELD(pm_scan_arg, start, 16, 8);
UFFD_SYS_FIELD(pm_scan_arg, end, 24, 8);
UFFD_SYS_FIELD(pm_scan_arg, walk_end, 32, 8);
UFFD_SYS_FIELD(pm_scan_arg, vec, 40, 8);
UFFD_SYS_FIELD(pm_scan_arg, vec_len, 48, 8);
UFFD_SYS_FIELD(pm_scan_arg, max_pages, 56, 8);
UFFD_SYS_FIELD(pm_scan_arg, category_inverted, 64, 8);
UFFD_SYS_FIELD(pm_scan_arg, category_mask, 72, 8);
UFFD_SYS_FIELD(pm_scan_arg, category_anyof_mask, 80, 8);
UFFD_SYS_FIELD(pm_scan_arg, return_mask, 88, 8);
UFFD_SYS_AT_LEAST(page_region, 24);
UFFD_SYS_ALIGN(page_region, UFFD_SYS_U64_ALIGN);
UFFD_SYS_FIELD(page_region, start, 0, 8);
UFFD_SYS_FIELD(page_region, end, 8, 8);
UFFD_SYS_FIELD(page_region, categories, 16, 8);
UFFD_SYS_REQUEST(PAGEMAP_SCAN, RW, 0x606610);
UFFD_SYS_VALUE(PROCFS_IOCTL_MAGIC, 0x66);
UFFD_SYS_VALUE(PAGE_IS_WPALLOWED, 1 << 0);
UFFD_SYS_VALUE(PAGE_IS_WRITTEN, 1 << 1);
UFFD_SYS_VALUE(PAGE_IS_FILE, 1 << 2);
UFFD_SYS_VALUE(PAGE_IS_PRESENT, 1 << 3);
UFFD_SYS_VALUE(PAGE_IS_SWAPPED, 1 << 4);
UFFD_SYS_VALUE(PAGE_IS_PFNZERO, 1 << 5);
UFFD_SYS_VALUE(PAGE_IS_HUGE, 1 << 6);
UFFD_SYS_VALUE(PAGE_IS_SOFT_DIRTY, 1 << 7);
UFFD_SYS_VALUE(PAGE_IS_GUARD, 1 << 8);
UFFD_SYS_VALUE(PAGE_IS_ACCESSED, 1 << 9);
UFFD_SYS_VALUE(PM_SCAN_WP_MATCHING, 1 << 0);
UFFD_SYS_VALUE(PM_SCAN_CHECK_WPASYNC, 1 << 1);

/* The bits of an entry of /proc/PID/pagemap: docs/manual.md, "Good to know". */
#define UFFD_SYS_PAGEMAP_SOFT_DIRTY ((UFFD_SYS_U64)1 << 55)
#define UFFD_SYS_PAGEMAP_UFFD_WP ((UFFD_SYS_U64)1 << 57)
#define UFFD_SYS_PAGEMAP_FILE ((UFFD_SYS_U64)1 << 61)
#define UFFD_SYS_PAGEMAP_SWAPPED ((UFFD_SYS_U64)1 << 62)
#define UFFD_SYS_PAGEMAP_PRESENT ((UFFD_SYS_U64)1 << 63)

/* ---- the functions ------------------------------------------------------ */

/*
 * Each is exactly one system call with the contract of ioctl(2): what the
 * kernel returned, or -1 with errno set; errno is untouched on success. None
 * allocates, locks or retries, so all are async-signal-safe.
 *
 * What each does, takes and answers, each error with its causes, and since which
 * Linux: docs/manual.md of this project, generated from rows that are executed on
 * real kernels. Zero a struct before you fill it in, or Valgrind takes an out
 * field for uninitialised.
 */

#if !defined UFFD_SYS_HEADER_ONLY
# define UFFD_SYS_FN extern
#elif defined __GNUC__
/* The kernel's mitigations make the first return after a system call slow. A
   caller in a loop is spared it if no function call is in between. */
# define UFFD_SYS_FN static __inline__ __attribute__((__always_inline__))
#else
# define UFFD_SYS_FN static inline
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Opens a userfaultfd. flags: O_CLOEXEC, O_NONBLOCK, UFFD_USER_MODE_ONLY.
 * Safety: whoever holds the descriptor can suspend any thread of the process.
 * Manual: userfaultfd(2)
 */
UFFD_SYS_FN int uffd_sys_userfaultfd(int flags);

/*
 * Opens a userfaultfd through devfd, an open /dev/userfaultfd. flags as above.
 * Safety: as uffd_sys_userfaultfd().
 * Manual: userfaultfd(2)
 */
UFFD_SYS_FN int uffd_sys_userfaultfd_new(int devfd, int flags);

/*
 * Performs the handshake, once and before all else.
 * Safety: arg must be writable.
 * Manual: UFFDIO_API(2const)
 */
UFFD_SYS_FN int uffd_sys_api(int fd, struct uffdio_api *arg);

/*
 * Registers a range for faults of the kinds in mode.
 * Safety: arg must be writable. From now on threads that touch the range may
 *         wait until somebody resolves their fault.
 * Manual: UFFDIO_REGISTER(2const)
 */
UFFD_SYS_FN int uffd_sys_register(int fd, struct uffdio_register *arg);

/*
 * Unregisters a range and lifts write-protection in it.
 * Safety: arg must be readable. Missing pages are zero-filled from now on.
 * Manual: UFFDIO_UNREGISTER(2const)
 */
UFFD_SYS_FN int uffd_sys_unregister(int fd, struct uffdio_range *arg);

/*
 * Wakes the threads waiting in a range.
 * Safety: arg must be readable.
 * Manual: UFFDIO_WAKE(2const)
 */
UFFD_SYS_FN int uffd_sys_wake(int fd, struct uffdio_range *arg);

/*
 * Fills missing pages with a copy of data and wakes the threads waiting on
 * them.
 * Safety: arg must be writable, src readable for len bytes.
 * Manual: UFFDIO_COPY(2const)
 */
UFFD_SYS_FN int uffd_sys_copy(int fd, struct uffdio_copy *arg);

/*
 * Fills missing pages with zeros and wakes the threads waiting on them.
 * Safety: arg must be writable.
 * Manual: UFFDIO_ZEROPAGE(2const)
 */
UFFD_SYS_FN int uffd_sys_zeropage(int fd, struct uffdio_zeropage *arg);

/*
 * Moves pages of private anonymous memory into missing ones without copying,
 * and wakes the threads waiting on them.
 * Safety: arg must be writable. The source loses its contents.
 * Manual: UFFDIO_MOVE(2const)
 */
UFFD_SYS_FN int uffd_sys_move(int fd, struct uffdio_move *arg);

/*
 * Maps pages that are in the page cache, which resolves minor faults, and
 * wakes the threads waiting on them.
 * Safety: arg must be writable.
 * Manual: UFFDIO_CONTINUE(2const)
 */
UFFD_SYS_FN int uffd_sys_continue(int fd, struct uffdio_continue *arg);

/*
 * Poisons missing pages: every later access raises SIGBUS, also in the threads
 * waiting on them, which are woken.
 * Safety: arg must be writable. SIGBUS ends a process that does not handle it.
 * Manual: UFFDIO_POISON(2const)
 */
UFFD_SYS_FN int uffd_sys_poison(int fd, struct uffdio_poison *arg);

/*
 * Write-protects a range (MODE_WP), or lifts that and wakes the threads
 * waiting in it (0).
 * Safety: arg must be readable. The thread that resolves the faults must not
 *         write to the range itself.
 * Manual: UFFDIO_WRITEPROTECT(2const)
 */
UFFD_SYS_FN int uffd_sys_writeprotect(int fd,
				      struct uffdio_writeprotect *arg);

/*
 * Read-write-protects the pages of a range that are there (MODE_RWP), so that
 * any access faults, or lifts that and wakes the threads waiting in it (0).
 * Safety: arg must be readable.
 * Manual: UFFDIO_RWPROTECT(2const)
 */
UFFD_SYS_FN int uffd_sys_rwprotect(int fd, struct uffdio_rwprotect *arg);

/*
 * Switches features of a userfaultfd in use.
 * Safety: arg must be readable.
 * Manual: UFFDIO_SET_MODE(2const)
 */
UFFD_SYS_FN int uffd_sys_set_mode(int fd, struct uffdio_set_mode *arg);

/*
 * Reads up to n messages. Returns bytes, a multiple of 32, as read(2) does;
 * both integers have the width of size_t. libuffd_sys counts messages of 32
 * bytes: with a header that has larger ones, use a newer libuffd_sys.
 * Safety: msgs must be writable for n messages.
 * Manual: userfaultfd(2)
 */
UFFD_SYS_FN long uffd_sys_read(int fd, struct uffd_msg *msgs, unsigned long n);

/*
 * Reports pages by category on fd, an open /proc/PID/pagemap, and can
 * write-protect them. Returns the number of regions written to vec. Read the
 * manual before you scan huge pages of hugetlbfs.
 * Safety: arg must be writable; vec zero, or writable for vec_len regions.
 * Manual: PAGEMAP_SCAN(2const)
 */
UFFD_SYS_FN int uffd_sys_pagemap_scan(int fd, struct pm_scan_arg *arg);

#ifdef __cplusplus
}
#endif

/* ---- header-only: what the functions do ---------------------------------- */

#ifdef UFFD_SYS_HEADER_ONLY

#include <errno.h>

/*
 * Each assembly declares every register that the kernel does not preserve:
 * src/syscall.rs has the list. On aarch64 those are also the bits of z0 to z31
 * above 128, which no clobber names: code compiled with SVE calls syscall(2).
 * So does code with SME, because a system call ends its streaming mode, and
 * around a function the compiler takes care of that. Where a function has SVE
 * or SME by an attribute of its own, no macro tells: it must keep no vector
 * over a call, and not be streaming (gcc refuses that, clang warns).
 */
/* Names end in an underscore so that they shadow none of the program's. */
#if defined __x86_64__ && defined __LP64__ && !defined UFFD_SYS_LIBC
# define UFFD_SYS_NR_READ 0
# define UFFD_SYS_NR_IOCTL 16
# define UFFD_SYS_NR_USERFAULTFD 323
# define UFFD_SYS_ASM(result_, number_, a_, b_, c_)                          \
	long result_ = (number_);                                            \
	__asm__ __volatile__("syscall"                                       \
			     : "+a"(result_)                                 \
			     : "D"(a_), "S"(b_), "d"(c_)                     \
			     : "rcx", "r11", "memory")
#elif defined __aarch64__ && defined __LP64__ && !defined UFFD_SYS_LIBC && \
    !defined __ARM_FEATURE_SVE && !defined __ARM_FEATURE_SME
/* The predicates; "ffr" is unknown to gcc before 10, and to clang. */
# define UFFD_SYS_PREDICATES                                                 \
	"p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10",   \
	"p11", "p12", "p13", "p14", "p15",
# if defined __clang__
#  if __clang_major__ >= 9
#   define UFFD_SYS_LOST UFFD_SYS_PREDICATES
#  endif
# elif defined __GNUC__
#  if __GNUC__ >= 10
#   define UFFD_SYS_LOST UFFD_SYS_PREDICATES "ffr",
#  endif
# endif
/* Older compilers have no type that lives in them. */
# if !defined UFFD_SYS_LOST
#  define UFFD_SYS_LOST
# endif
# define UFFD_SYS_NR_READ 63
# define UFFD_SYS_NR_IOCTL 29
# define UFFD_SYS_NR_USERFAULTFD 282
# define UFFD_SYS_ASM(result_, number_, a_, b_, c_)                          \
	register long x8_ __asm__("x8") = (number_);                         \
	register long result_ __asm__("x0") = (long)(a_);                    \
	register unsigned long x1_ __asm__("x1") = (b_);                     \
	register unsigned long x2_ __asm__("x2") = (c_);                     \
	__asm__ __volatile__("svc 0"                                         \
			     : "+r"(result_)                                 \
			     : "r"(x8_), "r"(x1_), "r"(x2_)                  \
			     : UFFD_SYS_LOST "memory")
#elif defined __riscv && defined __LP64__ && !defined UFFD_SYS_LIBC
/* The vectors, which older compilers do not have. clang keeps no vl or vtype
   over any assembly, and does not always know their names. */
# define UFFD_SYS_VECTORS                                                    \
	"v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10",   \
	"v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19",       \
	"v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28",       \
	"v29", "v30", "v31",
# if defined __clang__
#  if __clang_major__ >= 14
#   define UFFD_SYS_LOST UFFD_SYS_VECTORS
#  endif
# elif defined __GNUC__
#  if __GNUC__ >= 13
#   define UFFD_SYS_LOST UFFD_SYS_VECTORS "vl", "vtype",
#  endif
# endif
# if !defined UFFD_SYS_LOST
#  define UFFD_SYS_LOST
# endif
# define UFFD_SYS_NR_READ 63
# define UFFD_SYS_NR_IOCTL 29
# define UFFD_SYS_NR_USERFAULTFD 282
# define UFFD_SYS_ASM(result_, number_, a_, b_, c_)                          \
	register long a7_ __asm__("a7") = (number_);                         \
	register long result_ __asm__("a0") = (long)(a_);                    \
	register unsigned long a1_ __asm__("a1") = (b_);                     \
	register unsigned long a2_ __asm__("a2") = (c_);                     \
	__asm__ __volatile__("ecall"                                         \
			     : "+r"(result_)                                 \
			     : "r"(a7_), "r"(a1_), "r"(a2_)                  \
			     : UFFD_SYS_LOST "memory")
#else
# include <sys/syscall.h>
# if !defined SYS_userfaultfd
#  error "uffd_sys.h: <sys/syscall.h> does not know userfaultfd. Install kernel headers of Linux 4.3 or newer, or link libuffd_sys instead of UFFD_SYS_HEADER_ONLY."
# endif
# define UFFD_SYS_NR_READ SYS_read
# define UFFD_SYS_NR_IOCTL SYS_ioctl
# define UFFD_SYS_NR_USERFAULTFD SYS_userfaultfd
# ifdef __cplusplus
#  include <unistd.h>
# else
/* <unistd.h> hides it from a program in strict C. */
extern long syscall(long, ...);
# endif
#endif

#ifdef UFFD_SYS_ASM
/* Out of line, so that the hot path needs no stack; `inline` all the same, so
   that a program that uses none of this has none of it in its objects. gcc
   finds the two strange together. */
# if defined __GNUC__
#  pragma GCC diagnostic push
#  pragma GCC diagnostic ignored "-Wattributes"
static __inline__ __attribute__((__cold__, __noinline__))
# else
static inline
# endif
void uffd_sys_fail(int errno_)
{
	errno = errno_;
}
# if defined __GNUC__
#  pragma GCC diagnostic pop
# endif
#endif

UFFD_SYS_FN long uffd_sys_syscall3(long number_, unsigned long a_,
				   unsigned long b_, unsigned long c_)
{
#ifdef UFFD_SYS_ASM
	UFFD_SYS_ASM(result_, number_, a_, b_, c_);
	/* The kernel answers errors as -4095 to -1. */
	if (__builtin_expect((unsigned long)result_ > -4096UL, 0)) {
		uffd_sys_fail((int)-result_);
		return -1;
	}
	return result_;
#else
	return syscall(number_, a_, b_, c_);
#endif
}

#define UFFD_SYS_IOCTL(fd_, request_, arg_)                                  \
	((int)uffd_sys_syscall3(UFFD_SYS_NR_IOCTL, (unsigned long)(fd_),     \
				(unsigned long)(request_),                   \
				(unsigned long)(arg_)))

#ifdef __cplusplus
extern "C" {
#endif

UFFD_SYS_FN int uffd_sys_userfaultfd(int flags_)
{
	return (int)uffd_sys_syscall3(UFFD_SYS_NR_USERFAULTFD,
				      (unsigned long)flags_, 0, 0);
}

UFFD_SYS_FN int uffd_sys_userfaultfd_new(int devfd_, int flags_)
{
	return UFFD_SYS_IOCTL(devfd_, USERFAULTFD_IOC_NEW, flags_);
}

UFFD_SYS_FN long uffd_sys_read(int fd_, struct uffd_msg *msgs_,
			       unsigned long n_)
{
	return uffd_sys_syscall3(UFFD_SYS_NR_READ, (unsigned long)fd_,
				 (unsigned long)msgs_,
				 n_ * sizeof(struct uffd_msg));
}

UFFD_SYS_FN int uffd_sys_api(int fd_, struct uffdio_api *arg_)
{
	return UFFD_SYS_IOCTL(fd_, UFFDIO_API, arg_);
}

UFFD_SYS_FN int uffd_sys_register(int fd_, struct uffdio_register *arg_)
{
	return UFFD_SYS_IOCTL(fd_, UFFDIO_REGISTER, arg_);
}

UFFD_SYS_FN int uffd_sys_unregister(int fd_, struct uffdio_range *arg_)
{
	return UFFD_SYS_IOCTL(fd_, UFFDIO_UNREGISTER, arg_);
}

UFFD_SYS_FN int uffd_sys_wake(int fd_, struct uffdio_range *arg_)
{
	return UFFD_SYS_IOCTL(fd_, UFFDIO_WAKE, arg_);
}

UFFD_SYS_FN int uffd_sys_copy(int fd_, struct uffdio_copy *arg_)
{
	return UFFD_SYS_IOCTL(fd_, UFFDIO_COPY, arg_);
}

UFFD_SYS_FN int uffd_sys_zeropage(int fd_, struct uffdio_zeropage *arg_)
{
	return UFFD_SYS_IOCTL(fd_, UFFDIO_ZEROPAGE, arg_);
}

UFFD_SYS_FN int uffd_sys_move(int fd_, struct uffdio_move *arg_)
{
	return UFFD_SYS_IOCTL(fd_, UFFDIO_MOVE, arg_);
}

UFFD_SYS_FN int uffd_sys_continue(int fd_, struct uffdio_continue *arg_)
{
	return UFFD_SYS_IOCTL(fd_, UFFDIO_CONTINUE, arg_);
}

UFFD_SYS_FN int uffd_sys_poison(int fd_, struct uffdio_poison *arg_)
{
	return UFFD_SYS_IOCTL(fd_, UFFDIO_POISON, arg_);
}

UFFD_SYS_FN int uffd_sys_writeprotect(int fd_,
				      struct uffdio_writeprotect *arg_)
{
	return UFFD_SYS_IOCTL(fd_, UFFDIO_WRITEPROTECT, arg_);
}

UFFD_SYS_FN int uffd_sys_rwprotect(int fd_, struct uffdio_rwprotect *arg_)
{
	return UFFD_SYS_IOCTL(fd_, UFFDIO_RWPROTECT, arg_);
}

UFFD_SYS_FN int uffd_sys_set_mode(int fd_, struct uffdio_set_mode *arg_)
{
	return UFFD_SYS_IOCTL(fd_, UFFDIO_SET_MODE, arg_);
}

UFFD_SYS_FN int uffd_sys_pagemap_scan(int fd_, struct pm_scan_arg *arg_)
{
	return UFFD_SYS_IOCTL(fd_, PAGEMAP_SCAN, arg_);
}

#ifdef __cplusplus
}
#endif

#endif /* UFFD_SYS_HEADER_ONLY */

#endif /* UFFD_SYS_H */
