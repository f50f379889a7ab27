/* What a program of Linux 7.3 does: each function, and names of each kind. */

int uffd_sys_uses_everything(struct uffd_msg *msg, struct page_region *region);

int uffd_sys_uses_everything(struct uffd_msg *msg, struct page_region *region)
{
	struct uffdio_api api = {UFFD_API, UFFD_FEATURE_RWP | UFFD_FEATURE_WP_ASYNC, 0};
	struct uffdio_range range = {0, 4096};
	struct uffdio_register reg = {{0, 4096}, UFFDIO_REGISTER_MODE_RWP, 0};
	struct uffdio_copy copy = {0, 0, 4096, UFFDIO_COPY_MODE_WP, 0};
	struct uffdio_zeropage zero = {{0, 4096}, UFFDIO_ZEROPAGE_MODE_DONTWAKE, 0};
	struct uffdio_move move = {0, 0, 4096, UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES, 0};
	struct uffdio_continue cont = {{0, 4096}, UFFDIO_CONTINUE_MODE_WP, 0};
	struct uffdio_poison poison = {{0, 4096}, UFFDIO_POISON_MODE_DONTWAKE, 0};
	struct uffdio_writeprotect wp = {{0, 4096}, UFFDIO_WRITEPROTECT_MODE_WP};
	struct uffdio_rwprotect rwp = {{0, 4096}, UFFDIO_RWPROTECT_MODE_RWP};
	struct uffdio_set_mode set = {UFFD_FEATURE_RWP_ASYNC, 0};
	struct pm_scan_arg scan = {sizeof(struct pm_scan_arg), PM_SCAN_WP_MATCHING, 0, 4096, 0,
				   0, 1, 0, 0, PAGE_IS_WRITTEN, PAGE_IS_ACCESSED, PAGE_IS_GUARD};
	int sum, uffd = uffd_sys_userfaultfd(UFFD_USER_MODE_ONLY);
	int request = (int)(UFFDIO_SET_MODE + PAGEMAP_SCAN + USERFAULTFD_IOC_NEW);

	sum = uffd_sys_userfaultfd_new(uffd, 0);
	sum |= uffd_sys_api(uffd, &api) | uffd_sys_register(uffd, &reg) |
		  uffd_sys_unregister(uffd, &range) | uffd_sys_wake(uffd, &range) |
		  uffd_sys_copy(uffd, &copy) | uffd_sys_zeropage(uffd, &zero) |
		  uffd_sys_move(uffd, &move) | uffd_sys_continue(uffd, &cont) |
		  uffd_sys_poison(uffd, &poison) | uffd_sys_writeprotect(uffd, &wp) |
		  uffd_sys_rwprotect(uffd, &rwp) | uffd_sys_set_mode(uffd, &set) |
		  uffd_sys_pagemap_scan(uffd, &scan);
	sum |= (int)uffd_sys_read(uffd, msg, 1);
	sum |= (api.features & UFFD_API_FEATURES) != 0 && (api.ioctls & UFFD_API_IOCTLS) != 0;
	sum |= (region->start & (UFFD_SYS_PAGEMAP_PRESENT | UFFD_SYS_PAGEMAP_SWAPPED |
				 UFFD_SYS_PAGEMAP_FILE | UFFD_SYS_PAGEMAP_UFFD_WP |
				 UFFD_SYS_PAGEMAP_SOFT_DIRTY)) != 0;
	switch (msg->event) {
	case UFFD_EVENT_PAGEFAULT:
		return (msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_RWP) != 0 &&
		       msg->arg.pagefault.feat.ptid != 0;
	case UFFD_EVENT_FORK:
		return (int)msg->arg.fork.ufd;
	case UFFD_EVENT_REMAP:
		return msg->arg.remap.to != 0;
	case UFFD_EVENT_REMOVE:
	case UFFD_EVENT_UNMAP:
		return msg->arg.remove.end != 0;
	default:
		return sum + request + (region->categories != 0);
	}
}
