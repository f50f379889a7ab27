package main

import "syscall"

func zero(fd, argument uintptr) {
	syscall.Syscall(syscall.SYS_IOCTL, fd, 0xc018aa04, argument)
}
