package uffd

const dirRead, dirWrite = 2, 1

func request(direction, number, size uintptr) uintptr {
	return direction<<30 | size<<16 | 0xAA<<8 | number
}

var (
	uffdioAPI      = request(dirRead|dirWrite, 0x3f, 24)
	uffdioRegister = request(dirWrite, 0, 32)
)
