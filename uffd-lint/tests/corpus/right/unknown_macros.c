BEGIN_DECLS
EXPORT(uffd) struct uffdio_range {
	__u64 start, len;
};
struct uffdio_api { __u64 api, features, ioctls; };
END_DECLS
#define UFFD_API 0xAA
