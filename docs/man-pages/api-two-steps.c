/* UFFDIO_API(2const): may a second handshake follow one that enabled nothing? */
#include "uffd.h"

int main(void)
{
	struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_THREAD_ID};
	int fd = uffd_create(), second;

	uffd_enable(fd, 0);
	second = call(fd, UFFDIO_API, &api);
	printf("UFFDIO_API after one without features: %s\n", name(second));

	uffd_open(UFFD_FEATURE_THREAD_ID);
	printf("UFFDIO_API with the same feature on a new userfaultfd: success\n");
	return verdict(second == EINVAL, second == 0, "every kernel tried, Linux 5.10 to 7.3");
}
