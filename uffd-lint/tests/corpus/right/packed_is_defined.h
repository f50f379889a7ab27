#define __packed __attribute__((__packed__))
#define u8 unsigned char

struct uffd_msg {
	u8 event;
	u8 reserved1;
	__u16 reserved2;
	__u32 reserved3;
	union {
		struct {
			__u64 flags, address;
			union { __u32 ptid; } feat;
		} pagefault;
		__u64 reserved[3];
	} arg;
} __packed;
