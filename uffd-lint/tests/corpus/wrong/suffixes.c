/* The number and the whole code, both told apart from the kernel's. */
#define KERNEL_UFFDIO_WAKE_NUMBER 0x03u
#define KERNEL_UFFDIO_COPY_IOCTL 0xC027AA03u
#define LINUX_UFFD_EVENT_UNMAP 0x17
