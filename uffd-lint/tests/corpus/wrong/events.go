package uffd

type Event uint8

const (
	UffdEventPagefault Event = iota + 0x12
	UffdEventFork
	UffdEventRemove
)
