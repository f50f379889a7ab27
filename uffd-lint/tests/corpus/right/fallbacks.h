/* Zero where the header is too old: the caller asks first. */
#ifndef UFFD_FEATURE_MOVE
# define UFFD_FEATURE_MOVE 0
#endif
#if !defined(UFFDIO_MOVE)
# define UFFDIO_MOVE (-1)
#endif
#ifndef UFFDIO_POISON
# define UFFDIO_POISON 0xffffffff
#endif
#ifndef UFFD_USER_MODE_ONLY
# define UFFD_USER_MODE_ONLY 1
#endif
