struct uffd_msg {
	__u8 event;
	__u8 pad[7];
	union {
		struct {
			__u64 address;
			__u64 flags;
		} pagefault;
		struct {
			__u64 from, to, len;
		} remap;
		struct {
			__u64 start;
			__u32 end;
		} remove;
	} arg;
};
