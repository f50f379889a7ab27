/* UFFDIO_MOVE(2const): what is the error when the target process has exited? */
#include "uffd.h"
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

static char stack[1 << 16] __attribute__((aligned(16)));
static char *at, *src;
static int *fd;

/* A process with memory of its own, and with our table of descriptors. */
static int child(void *unused)
{
	(void)unused;
	*fd = uffd_open(UFFD_FEATURE_MOVE);
	uffd_register(*fd, at, PAGE, UFFDIO_REGISTER_MODE_MISSING);
	return raise(SIGSTOP);
}

int main(void)
{
	int status = 0, running, exited, zeroed;
	pid_t pid;

	at = map(1);
	src = map(1);
	*src = 'x';
	fd = (int *)map_shared(1);
	pid = clone(child, stack + sizeof(stack), CLONE_FILES | SIGCHLD, NULL);
	must(pid != -1 && waitpid(pid, &status, WUNTRACED) == pid, "clone(2)");
	if (!WIFSTOPPED(status))
		return WEXITSTATUS(status);

	struct uffdio_move move = {.dst = (unsigned long)at, .src = (unsigned long)src, .len = PAGE};
	struct uffdio_zeropage zero = {.range = range(at, PAGE)};
	running = call(*fd, UFFDIO_MOVE, &move);
	must(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid, "kill(2)");
	exited = call(*fd, UFFDIO_MOVE, &move);
	zeroed = call(*fd, UFFDIO_ZEROPAGE, &zero);
	printf("While the other process lives: UFFDIO_MOVE %s\n", name(running));
	printf("After it has exited: UFFDIO_MOVE %s, UFFDIO_ZEROPAGE %s\n", name(exited), name(zeroed));
	return verdict(running == EINVAL && exited == EINVAL && zeroed == ESRCH, exited == ESRCH,
		       "every kernel tried that has UFFDIO_MOVE, which is of 6.8: Linux 6.12 to 7.3");
}
