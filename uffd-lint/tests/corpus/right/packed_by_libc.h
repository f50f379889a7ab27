#include <sys/cdefs.h> /* of bionic, which has the macro */
typedef struct uffd_msg {
	__u8 event;
	__u8 reserved[7];
	__u64 words[3];
} __packed uffd_msg_t;
