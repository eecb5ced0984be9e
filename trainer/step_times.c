#include "trainer/step_times.h"

static void print_row(FILE *out, const char *name, double seconds, const struct px_step_times *p)
{
    double all = p->data + p->step;

    fprintf(out, "  %-12s %9.2f ms  %5.1f %%\n", name, seconds * 1e3 / (double)p->steps,
            all > 0 ? 100 * seconds / all : 0);
}

void px_step_times_print(const struct px_step_times *p, const struct px_gan *gan, FILE *out)
{
    const struct px_gan_profile *g = px_gan_profile(gan);
    double known = g->G_forward + g->D + g->G_backward + g->adam;

    if (p->steps == 0)
        return;
    fprintf(out, "Profile of %lld steps, a step:\n", (long long)p->steps);
    print_row(out, "G forward", g->G_forward, p);
    print_row(out, "D", g->D, p);
    print_row(out, "G backward", g->G_backward, p);
    print_row(out, "Adam", g->adam, p);
    print_row(out, "other", p->step - known, p);
    print_row(out, "data", p->data, p);
    print_row(out, "sum", p->data + p->step, p);
}
