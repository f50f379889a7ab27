//! The exported Zig at work: see export_compiled.rs. Of std it uses nothing, which differs
//! between releases.

const uffd = @import("uffd.zig");

extern fn syscall(number: c_long, ...) c_long;
extern fn ioctl(fd: c_int, request: c_int, ...) c_int;
extern fn mmap(at: ?*anyopaque, len: usize, prot: c_int, flags: c_int, fd: c_int, from: i64) [*]u8;
extern fn read(fd: c_int, buffer: *uffd.uffd_msg, count: usize) isize;
extern fn malloc(size: usize) [*]u8;
extern fn abort() noreturn;
extern fn atol(text: [*:0]const u8) c_long;
extern fn printf(format: [*:0]const u8, ...) c_int;
extern fn pthread_create(thread: *?*anyopaque, how: ?*anyopaque, start: *const fn (?*anyopaque) callconv(.c) ?*anyopaque, argument: ?*anyopaque) c_int;
extern fn pthread_join(thread: ?*anyopaque, result: ?*?*anyopaque) c_int;

fn must(holds: bool) void {
    if (!holds) abort();
}

fn call(fd: c_int, request: u32, argument: *anyopaque) void {
    must(ioctl(fd, @bitCast(request), argument) == 0);
}

fn touch(address: ?*anyopaque) callconv(.c) ?*anyopaque {
    const byte: *volatile u8 = @ptrCast(address.?);
    byte.* = 1;
    return null;
}

pub export fn main(argc: c_int, argv: [*]const [*:0]const u8) c_int {
    must(argc == 3);
    const page: usize = @intCast(atol(argv[2]));
    const flags: c_int = 0o2000000 | uffd.UFFD_USER_MODE_ONLY;
    const fd: c_int = @intCast(syscall(atol(argv[1]), flags));
    must(fd >= 0);

    var api = uffd.uffdio_api{ .api = uffd.UFFD_API, .features = 0, .ioctls = 0 };
    call(fd, uffd.UFFDIO_API, &api);
    must(api.features & uffd.UFFD_FEATURE_PAGEFAULT_FLAG_WP != 0);
    must(api.ioctls & 1 << uffd._UFFDIO_REGISTER != 0);

    const memory = mmap(null, 2 * page, 3, 0x22, -1, 0);
    const start: u64 = @intFromPtr(memory);
    var all = uffd.uffdio_range{ .start = start, .len = 2 * page };
    const modes = uffd.UFFDIO_REGISTER_MODE_MISSING | uffd.UFFDIO_REGISTER_MODE_WP;
    var register = uffd.uffdio_register{ .range = all, .mode = modes, .ioctls = 0 };
    call(fd, uffd.UFFDIO_REGISTER, &register);
    must(register.ioctls & 1 << uffd._UFFDIO_COPY != 0);

    const data = malloc(page);
    @memset(data[0..page], 0x5a);
    var copy = uffd.uffdio_copy{
        .dst = start,
        .src = @intFromPtr(data),
        .len = page,
        .mode = uffd.UFFDIO_COPY_MODE_WP,
        .copy = 0,
    };
    call(fd, uffd.UFFDIO_COPY, &copy);
    must(memory[page - 1] == 0x5a);

    // The write hangs if the protection was not lifted.
    const first = uffd.uffdio_range{ .start = start, .len = page };
    var protect = uffd.uffdio_writeprotect{ .range = first, .mode = 0 };
    call(fd, uffd.UFFDIO_WRITEPROTECT, &protect);
    @as(*volatile u8, &memory[0]).* = 1;

    var thread: ?*anyopaque = null;
    must(pthread_create(&thread, null, touch, memory + page) == 0);
    var msg: uffd.uffd_msg = undefined;
    must(read(fd, &msg, @sizeOf(uffd.uffd_msg)) == 32);
    must(msg.event == uffd.UFFD_EVENT_PAGEFAULT);
    const fault = msg.arg.pagefault;
    must(fault.flags == uffd.UFFD_PAGEFAULT_FLAG_WRITE);
    const second = uffd.uffdio_range{ .start = fault.address, .len = page };
    var zero = uffd.uffdio_zeropage{ .range = second, .mode = 0, .zeropage = 0 };
    call(fd, uffd.UFFDIO_ZEROPAGE, &zero);
    must(pthread_join(thread, null) == 0);

    call(fd, uffd.UFFDIO_WAKE, &all);
    call(fd, uffd.UFFDIO_UNREGISTER, &all);
    _ = printf("copied %lld, fault at %llu, zeroed %lld\n", copy.copy, fault.address - start, zero.zeropage);
    return 0;
}
