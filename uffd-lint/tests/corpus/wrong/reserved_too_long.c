struct uffd_msg {
	unsigned char event;
	unsigned char reserved[15];
	unsigned long long arg[3];
};
