#ifndef MODEL_DNN_OMP_SPIN_H
#define MODEL_DNN_OMP_SPIN_H

/* How OpenMP's threads wait for each other. libgomp spins about 5 ms at every barrier by default;
 * as soon as another process takes one of the CPUs, every barrier waits for a time slice: a
 * training step of 80 ms was measured at 5-6 s beside one busy process (4 Zen 4 cores, libgomp 14),
 * and 80-230 ms with a short spin. libgomp reads GOMP_SPINCOUNT once, when it is loaded, so a
 * program can set it only by executing itself again.
 *
 * Call it first in main(): if neither GOMP_SPINCOUNT nor OMP_WAIT_POLICY is set, it sets
 * GOMP_SPINCOUNT=10000 (tens of microseconds) and executes the program again with the same
 * arguments, under the same name, also if it was started through the dynamic loader (ld.so
 * PROGRAM). It returns if there is nothing to do, or if that fails; then everything works, only
 * slower under load. */
void px_reexec_with_short_spin(void);

#endif
