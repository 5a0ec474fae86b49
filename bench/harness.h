/* What the benchmark programs share: the clock, the loops that are timed, the lines that are printed.
 *
 * Must not know: what is measured. Invariant: a program that cannot do what it was asked to, or gets a wrong answer,
 * says so and ends with 1; it never prints a number for it. */
#ifndef EXTISM_BENCH_HARNESS_H
#define EXTISM_BENCH_HARNESS_H

#include <extism.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that live as long as the program. */
struct bytes {
  const uint8_t *data;
  size_t length;
};

/* Does something `count` times. `state` is what it needs. */
typedef void (*operation_t)(void *state, uint64_t count);

/* How long a timed loop should take at least; set once, by main. */
extern double sample_ns;

/* Prints the message and ends the program with 1. */
_Noreturn void fail(const char *format, ...);

/* Whole numbers from the command line. */
uint64_t number(const char *text);

/* The content of a file. */
struct bytes read_file(const char *path);

/* A clock that only moves forwards. */
double now_ns(void);

/* The time of one operation: the median of a few loops, each long enough. */
double ns_per_operation(operation_t operation, void *state);

/* How often an operation has to be repeated to fill a loop. It has been, when this returns. */
uint64_t calibrate(operation_t operation, void *state);

/* The middle one of three. */
double median_of_three(double a, double b, double c);

/* Prints `{"row": ..., unit: value}`; `count` is how often it was done, 0 for not worth saying. */
void print_row(const char *row, const char *unit, double value, uint64_t count);

#endif
