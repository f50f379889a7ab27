package main

// The exported Go at work: see export_compiled.rs.

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"syscall"
	"unsafe"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func holds(what bool) {
	if !what {
		panic("does not hold")
	}
}

func ioctl(fd, request uintptr, argument unsafe.Pointer) {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(argument)); errno != 0 {
		panic(errno)
	}
}

func main() {
	// A collector would wait for the thread that waits in a fault.
	debug.SetGCPercent(-1)
	number, err := strconv.Atoi(os.Args[1])
	must(err)
	page, err := strconv.Atoi(os.Args[2])
	must(err)
	fd, _, errno := syscall.Syscall(uintptr(number), syscall.O_CLOEXEC|UFFD_USER_MODE_ONLY, 0, 0)
	holds(errno == 0)

	api := UffdioApi{Api: UFFD_API}
	ioctl(fd, UFFDIO_API, unsafe.Pointer(&api))
	holds(api.Features&UFFD_FEATURE_PAGEFAULT_FLAG_WP != 0)
	holds(api.Ioctls&(1<<UFFDIO_REGISTER_NR) != 0)

	memory, err := syscall.Mmap(-1, 0, 2*page, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANONYMOUS)
	must(err)
	start := uint64(uintptr(unsafe.Pointer(&memory[0])))
	all := UffdioRange{Start: start, Len: 2 * uint64(page)}
	register := UffdioRegister{Range: all, Mode: UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP}
	ioctl(fd, UFFDIO_REGISTER, unsafe.Pointer(&register))
	holds(register.Ioctls&(1<<UFFDIO_COPY_NR) != 0)

	data := make([]byte, page)
	for i := range data {
		data[i] = 0x5a
	}
	source := uint64(uintptr(unsafe.Pointer(&data[0])))
	fill := UffdioCopy{Dst: start, Src: source, Len: uint64(page), Mode: UFFDIO_COPY_MODE_WP}
	ioctl(fd, UFFDIO_COPY, unsafe.Pointer(&fill))
	holds(memory[page-1] == 0x5a)

	// The write hangs if the protection was not lifted.
	protect := UffdioWriteprotect{Range: UffdioRange{Start: start, Len: uint64(page)}}
	ioctl(fd, UFFDIO_WRITEPROTECT, unsafe.Pointer(&protect))
	memory[0] = data[1]

	done := make(chan bool)
	go func() {
		memory[page] = 1
		done <- true
	}()
	var msg UffdMsg
	buffer := (*[unsafe.Sizeof(msg)]byte)(unsafe.Pointer(&msg))
	n, err := syscall.Read(int(fd), buffer[:])
	must(err)
	holds(n == 32)
	holds(msg.Event == UFFD_EVENT_PAGEFAULT)
	fault := msg.Pagefault()
	holds(fault.Flags == UFFD_PAGEFAULT_FLAG_WRITE)
	zero := UffdioZeropage{Range: UffdioRange{Start: fault.Address, Len: uint64(page)}}
	ioctl(fd, UFFDIO_ZEROPAGE, unsafe.Pointer(&zero))
	<-done

	ioctl(fd, UFFDIO_WAKE, unsafe.Pointer(&all))
	ioctl(fd, UFFDIO_UNREGISTER, unsafe.Pointer(&all))
	fmt.Printf("copied %d, fault at %d, zeroed %d\n", fill.Copy, fault.Address-start, zero.Zeropage)
}
