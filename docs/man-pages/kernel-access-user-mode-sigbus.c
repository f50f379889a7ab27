/* userfaultfd(2): does a fault of the kernel's own deliver SIGBUS? */
#include "uffd.h"
#include <signal.h>

static volatile sig_atomic_t signals;

static void on_sigbus(int signal)
{
	(void)signal;
	signals = 1;
}

int main(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	char *at = map(1);
	int pipes[2], error;

	if (fd == -1)
		cannot("userfaultfd(2) with UFFD_USER_MODE_ONLY");
	uffd_enable(fd, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	*at = 'x';
	uffd_register(fd, at, PAGE, UFFDIO_REGISTER_MODE_WP);
	must(uffd_writeprotect(fd, at, PAGE, UFFDIO_WRITEPROTECT_MODE_WP) == 0, "UFFDIO_WRITEPROTECT");
	must(signal(SIGBUS, on_sigbus) != SIG_ERR, "signal(2)");
	must(pipe(pipes) == 0 && write(pipes[1], "y", 1) == 1, "pipe(2)");

	error = read(pipes[0], at, 1) == -1 ? errno : 0; /* the kernel writes to the page */
	printf("read(2) into the protected page: %s, %s SIGBUS\n", name(error), signals ? "and" : "without");
	return verdict(error == EFAULT && !signals, signals,
		       "every kernel tried that has UFFD_USER_MODE_ONLY, which is of 5.11: Linux 6.1 to 7.3");
}
