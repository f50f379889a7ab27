const UffdioRegisterArgs = extern struct {
    start: u64,
    len: u64,
    ioctls: u64,
    mode: u64,
};
