struct uffd_msg {
	__u8 event;
	__u8 reserved1[3];
	__u32 reserved2;
	union {
		struct {
			__u64 flags;
			__u64 address;
			__u32 ptid;
		} pagefault;
		__u8 reserved[24];
	} arg;
};
