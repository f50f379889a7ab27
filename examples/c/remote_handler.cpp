// Memory of one process, filled by another: the owner registers its memory and
// hands the userfaultfd over a Unix socket; the handler answers its faults.
// Monitors of virtual machines restore snapshots in this way.
//
//   c++ remote_handler.cpp $(pkg-config --cflags --libs uffd_sys)
//   c++ -DUFFD_SYS_HEADER_ONLY remote_handler.cpp
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <uffd_sys.h>

namespace {

constexpr std::size_t pages = 8;

[[noreturn]] void fail(const char *what)
{
	std::fprintf(stderr, "remote_handler: %s: %s\n", what, std::strerror(errno));
	if (errno == EPERM)
		std::fprintf(stderr, "Set vm.unprivileged_userfaultfd=1, or run with CAP_SYS_PTRACE.\n");
	std::_Exit(1);
}

// What the handler has to know beside the descriptor.
struct Region {
	std::uint64_t start, page;
};

// A message with the descriptor as its ancillary data.
struct Parcel {
	Region region = {};
	iovec data = {&region, sizeof region};
	alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
	msghdr header = {};

	Parcel()
	{
		header.msg_iov = &data;
		header.msg_iovlen = 1;
		header.msg_control = control;
		header.msg_controllen = sizeof control;
	}
	Parcel(const Parcel &) = delete;
	Parcel &operator=(const Parcel &) = delete;
};

void send(int socket, int uffd, Region region)
{
	Parcel parcel;
	parcel.region = region;
	cmsghdr *message = CMSG_FIRSTHDR(&parcel.header);
	message->cmsg_level = SOL_SOCKET;
	message->cmsg_type = SCM_RIGHTS;
	message->cmsg_len = CMSG_LEN(sizeof uffd);
	std::memcpy(CMSG_DATA(message), &uffd, sizeof uffd);
	if (sendmsg(socket, &parcel.header, 0) < 0)
		fail("sendmsg");
}

int receive(int socket, Region &region)
{
	Parcel parcel;
	int uffd;
	if (recvmsg(socket, &parcel.header, MSG_CMSG_CLOEXEC) < 0)
		fail("recvmsg");
	const cmsghdr *message = CMSG_FIRSTHDR(&parcel.header);
	if (!message || message->cmsg_type != SCM_RIGHTS) {
		errno = EBADMSG;
		fail("no descriptor came");
	}
	std::memcpy(&uffd, CMSG_DATA(message), sizeof uffd);
	region = parcel.region;
	return uffd;
}

// The handler: page i holds the letter i, wherever the other process has it.
int handle(int socket)
{
	Region region;
	const int uffd = receive(socket, region);
	std::vector<char> data(region.page);

	for (std::size_t answered = 0; answered < pages; answered++) {
		uffd_msg msg;
		if (uffd_sys_read(uffd, &msg, 1) != sizeof msg)
			fail("read");
		if (msg.event != UFFD_EVENT_PAGEFAULT) {
			std::fprintf(stderr, "remote_handler: another event: %#x\n", msg.event);
			return 1;
		}
		const std::uint64_t address = msg.arg.pagefault.address & ~(region.page - 1);
		std::memset(data.data(), static_cast<int>('a' + (address - region.start) / region.page),
			    data.size());

		// Addresses are those of the process whose memory it is, but `src` is ours.
		uffdio_copy copy = {};
		copy.dst = address;
		copy.src = reinterpret_cast<std::uintptr_t>(data.data());
		copy.len = region.page;
		if (uffd_sys_copy(uffd, &copy))
			fail("UFFDIO_COPY");
	}
	return 0;
}

} // namespace

int main()
{
	int sockets[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
		fail("socketpair");
	const pid_t handler = fork();
	if (handler < 0)
		fail("fork");
	if (handler == 0) {
		// Else it would wait for ever for an owner that has failed.
		close(sockets[0]);
		_exit(handle(sockets[1]));
	}
	close(sockets[1]);

	const int uffd = uffd_sys_userfaultfd(O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (uffd < 0)
		fail("userfaultfd");
	uffdio_api api = {UFFD_API, 0, 0};
	if (uffd_sys_api(uffd, &api))
		fail("UFFDIO_API");

	const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
	void *memory = mmap(nullptr, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		fail("mmap");
	const std::uint64_t start = reinterpret_cast<std::uintptr_t>(memory);
	uffdio_register reg = {{start, pages * page}, UFFDIO_REGISTER_MODE_MISSING, 0};
	if (uffd_sys_register(uffd, &reg))
		fail("UFFDIO_REGISTER");
	send(sockets[0], uffd, {start, page});

	// Each of these waits until the other process has sent the page.
	char text[pages + 1] = {};
	for (std::size_t i = 0; i < pages; i++)
		text[i] = static_cast<const volatile char *>(memory)[i * page];
	std::printf("from the other process: %s\n", text);

	int status = 0;
	waitpid(handler, &status, 0);
	return status != 0;
}
