/*
 * A function that holds vectors over one of our calls, and a program that says
 * whether they are what they were. Exit code: 0 they are, 1 they are not, 2 it
 * could not be tried.
 *
 * PREDICATES: only the function has SVE, by its attribute; it holds a predicate.
 * PLAIN: no vectors at all, to compare the instructions.
 */
#define UFFD_SYS_HEADER_ONLY
#include <uffd_sys.h>

#ifdef PLAIN

double hold(int fd, struct uffdio_range *range, double a, double b, long c)
{
	double d = a * b;
	return uffd_sys_wake(fd, range) < 0 ? a : d + b + (double)c;
}

#else

# include <fcntl.h>
# include <stdio.h>
# include <string.h>

# define MOST 256 /* bytes of the longest vector */
static unsigned char in[4 * MOST], out[4 * MOST];

# if defined __aarch64__
#  include <arm_sve.h>
#  ifdef PREDICATES
#   define SVE __attribute__((__noinline__, __target__("arch=armv8-a+sve")))
#  else
#   define SVE __attribute__((__noinline__))
#  endif

/* Made by now, and not after the call. */
#  define MADE(kind, value) __asm__ __volatile__("" : "+" kind(value))

/* The vector's length in bytes; none if the call failed. */
SVE unsigned long hold(int fd, struct uffdio_range *range)
{
	svbool_t few = svcmpgt_n_u8(svptrue_b8(), svld1_u8(svptrue_b8(), in), 99);
#  ifndef PREDICATES
	svuint8_t a = svld1_u8(svptrue_b8(), in + MOST);
	svuint8_t b = svld1_u8(svptrue_b8(), in + 2 * MOST);
	a = svadd_u8_x(svptrue_b8(), a, b);
	MADE("w", a);
#  endif
	MADE("Upa", few);
	if (uffd_sys_wake(fd, range) < 0)
		return 0;
	svst1_u8(few, out, svdup_n_u8(7));
#  ifndef PREDICATES
	svst1_u8(svptrue_b8(), out + MOST, a);
	svst1_u8(svptrue_b8(), out + 2 * MOST, b);
#  endif
	return svcntb();
}

# elif defined __riscv

#  define BYTES 32
typedef unsigned char vector __attribute__((__vector_size__(BYTES)));

__attribute__((__noinline__))
unsigned long hold(int fd, struct uffdio_range *range)
{
	vector b = *(vector *)(in + 2 * MOST);
	vector a = *(vector *)(in + MOST) + b;
	if (uffd_sys_wake(fd, range) < 0)
		return 0;
	*(vector *)(out + MOST) = a;
	*(vector *)(out + 2 * MOST) = b;
	return BYTES;
}

# endif

int main(void)
{
	struct uffdio_api api = { UFFD_API, 0, 0 };
	struct uffdio_range range = { 1 << 20, 1 << 16 };
	unsigned char expected[4 * MOST];
	unsigned long i, bytes, wrong = 0;
	int fd = uffd_sys_userfaultfd(O_CLOEXEC);
	if (fd < 0 || uffd_sys_api(fd, &api) < 0)
		return perror("userfaultfd"), 2;
	for (i = 0; i < sizeof in; i++)
		in[i] = (unsigned char)(i * 37 + 11);
	bytes = hold(fd, &range);
	if (!bytes)
		return perror("UFFDIO_WAKE"), 2;
	memset(expected, 0, sizeof expected);
	for (i = 0; i < bytes; i++) {
# ifdef __aarch64__
		expected[i] = in[i] > 99 ? 7 : 0;
# endif
# ifndef PREDICATES
		expected[i + MOST] = (unsigned char)(in[i + MOST] + in[i + 2 * MOST]);
		expected[i + 2 * MOST] = in[i + 2 * MOST];
# endif
	}
	for (i = 0; i < sizeof expected; i++)
		wrong += out[i] != expected[i];
	printf("# %lu bytes a vector, %lu bytes wrong\n", bytes, wrong);
	return wrong != 0;
}

#endif
