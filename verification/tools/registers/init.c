/* The first process: runs each program of /programs, tells its exit code, and
   switches the machine off. */
#include <dirent.h>
#include <stdio.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	struct dirent *entry;
	DIR *programs = opendir("/programs");
	while (programs && (entry = readdir(programs))) {
		int status = 0;
		char path[300];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/programs/%s", entry->d_name);
		if (fork() == 0) {
			execl(path, path, (char *)0);
			_exit(127);
		}
		wait(&status);
		printf("exit %s %d\n", entry->d_name,
		       WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status);
		fflush(stdout);
	}
	puts("done");
	fflush(stdout);
	usleep(100000);
	reboot(RB_POWER_OFF);
	return 1;
}
