/* The first process of an emulated machine: does what each line of /programs/plan
   says, shows what that printed and its exit code, and switches the machine off.

     inspect STATE        `uffd-abi inspect` of planted.c in that state
     inspect-child STATE  the same of the child that planted.c names
     inspect-watch STATE  `uffd-abi inspect --watch`; the state goes on as it is seen
     run PROGRAM WORD...  one of /programs */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	pid_t pid;
	int input;
	FILE *output;
};

static struct child start(char **words)
{
	struct child child;
	int in[2], out[2];
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		exit(1);
	child.pid = fork();
	if (child.pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(out[1], 2);
		execv(words[0], words);
		perror(words[0]);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	child.input = in[1];
	child.output = fdopen(out[0], "r");
	return child;
}

static int end(struct child *child)
{
	int status = 0;
	close(child->input);
	fclose(child->output);
	waitpid(child->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Shows a program's lines. The watched state closes its descriptor when it was seen
   to be stuck, and exits when it was seen to be closed. */
static int show(char **words, struct child *watched)
{
	static char line[65536];
	struct child child = start(words);
	while (fgets(line, sizeof line, child.output)) {
		const char *next = !watched ? ""
		                   : strstr(line, "messages wait that nobody reads") ? "c"
		                   : strstr(line, "the descriptor was closed") ? "e" : "";
		fputs(line, stdout);
		fflush(stdout);
		/* It may have exited. */
		if (write(watched ? watched->input : -1, next, strlen(next)) < 0)
			continue;
	}
	return end(&child);
}

static int inspect(const char *how, char *state)
{
	char pid[32] = "";
	int watch = strcmp(how, "inspect-watch") == 0;
	char *plant[] = {"/programs/planted", state, NULL};
	char *look[] = {"/programs/uffd-abi", "inspect", watch ? "--watch" : "--format=json", pid, NULL};
	struct child planted = start(plant);
	char *said = fgets(pid, sizeof pid, planted.output);
	int code = -1;
	if (!said || strcmp(pid, "ready\n")) {
		printf("planted %s: %s\n", state, said ? pid : "said nothing");
		kill(planted.pid, SIGKILL);
		end(&planted);
		return code;
	}
	if (strcmp(how, "inspect-child"))
		snprintf(pid, sizeof pid, "%d", planted.pid);
	else if (fgets(pid, sizeof pid, planted.output))
		pid[strcspn(pid, "\n")] = 0;
	code = show(look, watch ? &planted : NULL);
	kill(planted.pid, SIGKILL);
	end(&planted);
	return code;
}

int main(void)
{
	static char line[4096];
	FILE *plan = fopen("/programs/plan", "r");
	signal(SIGPIPE, SIG_IGN);
	/* The signals of Go's preemption make threads fault again, which heals a lost
	   wake. */
	setenv("GODEBUG", "asyncpreemptoff=1", 1);
	/* For a command that is not static. */
	setenv("LD_LIBRARY_PATH", "/programs", 1);
	/* The firmware leaves its cursor in the first line. */
	puts("");
	mkdir("/lib64", 0755);
	if (symlink("/programs/ld-linux-x86-64.so.2", "/lib64/ld-linux-x86-64.so.2"))
		perror("symlink");
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	while (plan && fgets(line, sizeof line, plan)) {
		char *words[64], **last = words;
		printf("begin %s", line);
		fflush(stdout);
		for (char *word = strtok(line, " \n"); word && last < words + 63; word = strtok(NULL, " \n"))
			*last++ = word;
		*last = NULL;
		printf("end %d\n", strcmp(words[0], "run") ? inspect(words[0], words[1]) : show(words + 1, NULL));
		fflush(stdout);
		/* Those whose parents are gone. */
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
	}
	puts("done");
	fflush(stdout);
	/* The serial line may still be sending. */
	sync();
	usleep(100000);
	reboot(RB_POWER_OFF);
	return 1;
}
