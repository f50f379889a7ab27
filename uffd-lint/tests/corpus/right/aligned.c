struct uffdio_range {
	__u64 start __attribute__((aligned(8)));
	__u64 len;
} __attribute__((aligned(8)));
struct __attribute__((packed, aligned(8))) uffd_msg {
	__u8 event, reserved1;
	__u16 reserved2;
	__u32 reserved3;
	__u64 words[3];
};
#pragma pack(push, 4)
typedef struct { __u64 api, features, ioctls; } uffdio_api_t;
#pragma pack(pop)
