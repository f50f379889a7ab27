/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * uffd_sys.h: the whole userfaultfd ABI up to Linux 7.3, whatever kernel
 * headers are installed, older ones or none.
 *
 * It includes <linux/userfaultfd.h> where there is one and adds what that
 * header lacks, so it may stand before or after it. What an installed header
 * defines is left alone, with one exception: the masks UFFD_API_* name all
 * that their header knows, so those of a header older than Linux 7.3 are
 * replaced by the complete ones.
 *
 * Define UFFD_SYS_NO_LINUX_HEADERS before including it to use no kernel
 * header at all.
 */
#ifndef UFFD_SYS_H
#define UFFD_SYS_H

#if !defined UFFD_SYS_NO_LINUX_HEADERS
# if defined __has_include
#  if __has_include(<linux/userfaultfd.h>)
#   include <linux/userfaultfd.h>
#  endif
#  if __has_include(<linux/types.h>)
#   include <linux/types.h>
#   define UFFD_SYS_HAVE_LINUX_TYPES
#  endif
/* <linux/fs.h> has PAGEMAP_SCAN since Linux 6.7. It must then come first,
   because it could not follow our definitions of its structs. An older one is
   not touched: beside <sys/mount.h> of glibc 2.36 it does not compile. */
#  if __has_include(<linux/version.h>) && __has_include(<linux/fs.h>)
#   include <linux/version.h>
#   if LINUX_VERSION_CODE >= 0x060700
#    include <linux/fs.h>
#   endif
#  endif
# else
/* A compiler that cannot ask (tcc 0.9.27): every distribution has them. */
#  include <linux/types.h>
#  include <linux/userfaultfd.h>
#  define UFFD_SYS_HAVE_LINUX_TYPES
# endif
#elif !defined _LINUX_USERFAULTFD_H
/* Everything is defined below, so the kernel's header may not follow. */
# define _LINUX_USERFAULTFD_H
#endif

/* The kernel's integer types. */
#if defined UFFD_SYS_HAVE_LINUX_TYPES || defined _LINUX_TYPES_H
# define UFFD_SYS_U8 __u8
# define UFFD_SYS_U16 __u16
# define UFFD_SYS_U32 __u32
# define UFFD_SYS_U64 __u64
# define UFFD_SYS_S64 __s64
#else
# define UFFD_SYS_U8 unsigned char
# define UFFD_SYS_U16 unsigned short
# define UFFD_SYS_U32 unsigned int
# define UFFD_SYS_U64 unsigned long long
# define UFFD_SYS_S64 signed long long
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

/* since Linux 7.3; the masks below are older where these are missing */
#ifndef UFFD_FEATURE_RWP
# define UFFD_FEATURE_RWP (1 << 17)
# define UFFD_SYS_REPLACE_MASKS
#endif
#ifndef UFFD_FEATURE_RWP_ASYNC
# define UFFD_FEATURE_RWP_ASYNC (1 << 18)
# ifndef UFFD_SYS_REPLACE_MASKS
#  define UFFD_SYS_REPLACE_MASKS
# endif
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
struct uffdio_api {
	UFFD_SYS_U64 api;
	UFFD_SYS_U64 features;
	UFFD_SYS_U64 ioctls;
};
# define UFFDIO_API UFFD_SYS_IOWR(UFFDIO, _UFFDIO_API, struct uffdio_api)
#endif

/* since Linux 4.3 */
#ifndef UFFDIO_UNREGISTER
struct uffdio_range {
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
struct uffdio_register {
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
struct uffdio_copy {
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
struct uffdio_zeropage {
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
struct uffdio_writeprotect {
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
struct uffdio_continue {
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
struct uffdio_poison {
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
struct uffdio_move {
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
struct uffdio_rwprotect {
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
struct uffdio_set_mode {
	UFFD_SYS_U64 enable;
	UFFD_SYS_U64 disable;
};
# define UFFDIO_SET_MODE                                                     \
	UFFD_SYS_IOW(UFFDIO, _UFFDIO_SET_MODE, struct uffdio_set_mode)
#endif

/* ---- masks of all that is known ---------------------------------------- */

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
struct page_region {
	UFFD_SYS_U64 start;
	UFFD_SYS_U64 end;
	UFFD_SYS_U64 categories;
};
struct pm_scan_arg {
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
#ifndef PAGE_IS_SOFT_DIRTY
# define PAGE_IS_SOFT_DIRTY (1 << 7)
#endif
/* since Linux 6.15 */
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

#endif /* UFFD_SYS_H */
