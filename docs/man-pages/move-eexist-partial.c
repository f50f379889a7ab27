/* UFFDIO_MOVE(2const): what is the error when a later destination page is there? */
#include "uffd.h"

int main(void)
{
	int fd = uffd_open(UFFD_FEATURE_MOVE), later, first;
	char *dst = map(4), *src = map(4);
	struct uffdio_zeropage zero = {.range = range(dst + 2 * PAGE, PAGE)};
	struct uffdio_move move = {.dst = (unsigned long)dst, .src = (unsigned long)src, .len = 4 * PAGE};
	struct uffdio_move again = {
		.dst = (unsigned long)dst + 2 * PAGE, .src = (unsigned long)src + 2 * PAGE, .len = PAGE,
	};

	memset(src, 'x', 4 * PAGE);
	uffd_register(fd, dst, 4 * PAGE, UFFDIO_REGISTER_MODE_MISSING);
	must(call(fd, UFFDIO_ZEROPAGE, &zero) == 0, "UFFDIO_ZEROPAGE");

	later = call(fd, UFFDIO_MOVE, &move);
	first = call(fd, UFFDIO_MOVE, &again);
	printf("UFFDIO_MOVE of four pages onto two that are missing and one that is there: %s, move is %lld pages\n",
	       name(later), (long long)move.move / (long long)PAGE);
	printf("onto the page that is there: %s\n", name(first));
	return verdict(later == EAGAIN && move.move == 2 * (long long)PAGE && first == EEXIST, later == EEXIST,
		       "every kernel tried that has UFFDIO_MOVE, which is of 6.8: Linux 6.12 to 7.3");
}
