package main

func use(fd, argument uintptr) {
	unix.Syscall(unix.SYS_IOCTL, fd, 0xc028aa03, argument)
}
