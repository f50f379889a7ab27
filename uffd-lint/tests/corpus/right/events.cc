enum UffdEvent : unsigned char { kPagefault = 1, Fork = 0x13, Remap, Remove, Unmap };
