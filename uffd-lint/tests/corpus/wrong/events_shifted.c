enum uffd_events {
	UFFD_EVENT_PAGEFAULT = 0x12,
	UFFD_EVENT_FORK,
	UFFD_EVENT_REMOVE, /* forgot one */
	UFFD_EVENT_UNMAP,
};
