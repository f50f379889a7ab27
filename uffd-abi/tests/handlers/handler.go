// handler.c in Go, with the standard library alone: the same program, the same five
// mistakes, the same twin.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const (
	pages    = 64
	workers  = 4
	api      = 0xc018aa3f
	register = 0xc020aa00
	wake     = 0x8010aa02
	fillCopy = 0xc028aa03
)

var (
	bug    string
	uffd   uintptr
	memory []byte
	page   = os.Getpagesize()
)

func contents(n int) byte { return byte(n*7 + 1) }

func ioctl(request uintptr, words []uint64) syscall.Errno {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uffd, request, uintptr(unsafe.Pointer(&words[0])))
	return errno
}

func die(what string, errno error) {
	fmt.Fprintln(os.Stderr, what, errno)
	os.Exit(1)
}

func wakeUp(at uint64) {
	if errno := ioctl(wake, []uint64{at, uint64(page)}); errno != 0 {
		die("UFFDIO_WAKE", errno)
	}
}

// The data is not on Go's heap that the collector moves: it moves nothing.
var data = make([]byte, page)

func fill(at uint64) {
	n := int(at-uint64(uintptr(unsafe.Pointer(&memory[0])))) / page
	for i := range data {
		data[i] = contents(n)
	}
	pause := 50 * time.Microsecond
	for {
		words := []uint64{at, uint64(uintptr(unsafe.Pointer(&data[0]))), uint64(page), 0, 0}
		errno := ioctl(fillCopy, words)
		if errno == 0 {
			return
		}
		// -EAGAIN is a very large number of bytes.
		if bug == "out-unsigned" && words[4] >= uint64(page) {
			return
		}
		if bug == "errno-late" {
			// Go returns errno, so the mistake is to look at another call's.
			_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, ^uintptr(0), 0, 0)
		}
		switch errno {
		case syscall.EEXIST:
			if bug != "eexist-not-woken" {
				wakeUp(at)
			}
			return
		case syscall.EAGAIN:
			if bug == "asleep-after-eagain" {
				return
			}
			time.Sleep(pause)
			if pause < 3*time.Millisecond {
				pause *= 2
			}
		default:
			die("UFFDIO_COPY", errno)
		}
	}
}

// A blocking descriptor: read waits for a message.
func handle() {
	for {
		var msgs [8][4]uint64
		bytes, _, errno := syscall.Syscall(syscall.SYS_READ, uffd, uintptr(unsafe.Pointer(&msgs)), unsafe.Sizeof(msgs))
		if errno != 0 {
			if errno == syscall.EAGAIN || errno == syscall.EINTR && bug != "eintr-ends" {
				continue
			}
			return
		}
		for _, msg := range msgs[:bytes/32] {
			fill(msg[2] &^ uint64(page-1))
		}
	}
}

func main() {
	if len(os.Args) > 1 {
		bug = os.Args[1]
	}
	number := uintptr(282)
	if runtime.GOARCH == "amd64" {
		number = 323
	}
	fd, _, errno := syscall.Syscall(number, syscall.O_CLOEXEC|1, 0, 0)
	if errno == syscall.EINVAL { // Before Linux 5.11.
		fd, _, errno = syscall.Syscall(number, syscall.O_CLOEXEC, 0, 0)
	}
	if errno != 0 {
		die("userfaultfd", errno)
	}
	uffd = fd
	if errno := ioctl(api, []uint64{0xaa, 0, 0}); errno != 0 {
		die("UFFDIO_API", errno)
	}
	var err error
	memory, err = syscall.Mmap(-1, 0, pages*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		die("mmap", err)
	}
	at := uint64(uintptr(unsafe.Pointer(&memory[0])))
	if errno := ioctl(register, []uint64{at, uint64(pages * page), 1, 0}); errno != 0 {
		die("UFFDIO_REGISTER", errno)
	}
	// A thread that waits in a fault keeps its processor of Go's scheduler: with no
	// one left the handler would never run.
	runtime.GOMAXPROCS(workers + 2)
	go handle()
	// Until the handler waits, however slow all is: a supervisor answers calls in
	// their order.
	for n := 0; n < 20; n++ {
		time.Sleep(2 * time.Millisecond)
		wakeUp(at)
	}
	var all sync.WaitGroup
	for first := 0; first < workers; first++ {
		all.Add(1)
		go func(first int) {
			defer all.Done()
			for n := first; n < pages; n += workers {
				if memory[n*page] != contents(n) {
					fmt.Fprintln(os.Stderr, "page", n, "is wrong")
					os.Exit(1)
				}
				// So that the handler has to wait now and then, too.
				time.Sleep(time.Millisecond)
			}
		}(first)
	}
	all.Wait()
}
