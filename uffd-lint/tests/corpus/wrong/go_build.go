//go:build linux && !386

package uffd

const uffdioCopy = 0xc020aa03
