/* UFFDIO_REGISTER(2const): what is the error above the highest mapping? */
#include "uffd.h"

int main(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long long start, end, highest = 0;
	struct uffdio_register arg = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	int error;

	must(maps != NULL, "/proc/self/maps");
	while (fscanf(maps, "%llx-%llx%*[^\n]", &start, &end) == 2)
		if (end > highest && end < 1ULL << 63) /* without [vsyscall] */
			highest = end;
	must(highest != 0, "no mapping was read");

	arg.range.start = highest + PAGE;
	arg.range.len = PAGE;
	error = call(uffd_open(0), UFFDIO_REGISTER, &arg);
	printf("UFFDIO_REGISTER above the highest mapping: %s\n", name(error));
	return verdict(error == ENOMEM, error == EINVAL,
		       "Linux 5.10 and 6.1, and not on 6.12 and later, nor on 6.1 of 32-bit ARM");
}
