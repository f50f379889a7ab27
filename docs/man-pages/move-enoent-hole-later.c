/* UFFDIO_MOVE(2const): what is the error when a later source page is missing? */
#include "uffd.h"

int main(void)
{
	int fd = uffd_open(UFFD_FEATURE_MOVE), later, first;
	char *dst = map(4), *src = map(4);
	struct uffdio_move move = {.dst = (unsigned long)dst, .src = (unsigned long)src, .len = 4 * PAGE};
	struct uffdio_move again = {
		.dst = (unsigned long)dst + PAGE, .src = (unsigned long)src + PAGE, .len = PAGE,
	};

	src[0] = src[2 * PAGE] = src[3 * PAGE] = 'x'; /* the second page is a hole */
	uffd_register(fd, dst, 4 * PAGE, UFFDIO_REGISTER_MODE_MISSING);

	later = call(fd, UFFDIO_MOVE, &move);
	first = call(fd, UFFDIO_MOVE, &again);
	printf("UFFDIO_MOVE of four pages, the second a hole: %s, move is %lld pages\n",
	       name(later), (long long)move.move / (long long)PAGE);
	printf("of the hole alone: %s\n", name(first));
	return verdict(later == EAGAIN && move.move == (long long)PAGE && first == ENOENT, later == ENOENT,
		       "every kernel tried that has UFFDIO_MOVE, which is of 6.8: Linux 6.12 to 7.3");
}
