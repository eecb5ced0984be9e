#include "tools/bench/bench_report.h"

#include <math.h>
#include <stdio.h>

struct shape { /* a layer on a picture of one size */
    int in_side, out_side;
    double gflop; /* of one picture, by the architecture */
};

/* From the side of a layer's input. */
static struct shape shape_of(const struct px_layer *l, int side)
{
    double taps = (double)l->in_channels * l->out_channels * l->kernel * l->kernel;
    struct shape s = {.in_side = side, .out_side = px_layer_side(l, side)};

    double positions = l->transposed ? side : s.out_side; /* that every weight is used at */
    s.gflop = 2e-9 * taps * positions * positions;
    return s;
}

double px_bench_gflop(const struct px_network *network, int side)
{
    double sum = 0;

    for (int i = 0; i < network->layer_count; i++) {
        struct shape s = shape_of(&network->layers[i], side);

        sum += s.gflop;
        side = s.out_side;
    }
    return sum;
}

/* GFLOP/s of all workers together. */
static double speed(const struct px_network *network, const struct px_bench_case *one,
                    const struct px_bench_result *result)
{
    return px_bench_gflop(network, one->side) * result->images_per_s;
}

static double percent(double part, double whole)
{
    return whole > 0 ? 100 * part / whole : 0;
}

/* What a layer could take at least, in ms: the operations that it makes at the ceiling or its
 * weights from memory, whichever is longer. */
struct layer_bound {
    bool memory; /* the weights are */
    double ms;
};

static struct layer_bound bound_of(const struct px_bench_layer *layer,
                                   const struct px_bench_result *result)
{
    double compute = 0, memory = layer->weight_bytes * 1e-6 / result->bandwidth_gb_per_s;

    if (result->ceiling_gflops > 0)
        compute = layer->gflop * 1e3 / result->ceiling_gflops;
    return (struct layer_bound){memory > compute, fmax(memory, compute)};
}

struct rest { /* ms a batch beside the convolutions */
    double statistics, passes, all;
    double whole;  /* with them */
    double bounds; /* of the convolutions */
};

static struct rest rest_of(const struct px_network *network, const struct px_bench_result *result)
{
    struct rest r = {0};

    for (int i = 0; i < network->layer_count; i++) {
        r.statistics += result->layers[i].statistics;
        r.passes += result->layers[i].pass;
        r.whole += result->layers[i].convolution;
        r.bounds += bound_of(&result->layers[i], result).ms;
    }
    r.all = result->in + r.statistics + r.passes;
    r.whole += r.all;
    return r;
}

void px_bench_print_title(const struct px_network *network, const struct px_bench_case *one)
{
    printf("%s, ngf %d, %dx%d, %d runs a case, %.3g GFLOP of convolutions a picture\n",
           network->architecture, network->ngf, one->side, one->side, (int)one->runs,
           px_bench_gflop(network, one->side));
    printf("batch dtype workers threads  median ms     min ms     p90 ms   ms/image   images/s    "
           "GFLOP/s  ceiling  of it\n");
}

static void print_layers(const struct px_network *network, const struct px_bench_case *one,
                         const struct px_bench_result *result)
{
    struct rest rest = rest_of(network, result);
    int side = one->side;

    printf(
        "      layer                       algorithm oneDNN                         dtype     ms  "
        " GFLOP/s  share  of bound    then ms\n");
    for (int i = 0; i < network->layer_count; i++) {
        const struct px_layer *l = &network->layers[i];
        const struct px_bench_layer *ms = &result->layers[i];
        struct shape s = shape_of(l, side);
        struct layer_bound bound = bound_of(ms, result);
        char what[64];

        snprintf(what, sizeof what, "%2d %s %d>%d %d>%d", i + 1, l->transposed ? "up" : "conv",
                 l->in_channels, l->out_channels, s.in_side, s.out_side);
        printf("      %-27s %-9s %-30s %-5s %7.3f %8.0f %5.1f%% %4.0f%% %-7s %7.3f\n", what,
               result->algorithms[i], result->implementations[i], px_dtype_name(result->dtypes[i]),
               ms->convolution, s.gflop * one->batch * 1e3 / ms->convolution,
               percent(ms->convolution, rest.whole), percent(bound.ms, ms->convolution),
               bound.memory ? "memory" : "compute", ms->statistics + ms->pass);
        side = s.out_side;
    }
    printf("      not convolution: pictures in %.3f, statistics %.3f, norm, activation, layout and "
           "pictures out %.3f: %.3f ms, %.1f%%\n"
           "      the convolutions' bounds: %.2f ms in all, %.1f%%; memory is read at %.1f GB/s\n",
           result->in, rest.statistics, rest.passes, rest.all, percent(rest.all, rest.whole),
           rest.bounds, percent(rest.bounds, rest.whole), result->bandwidth_gb_per_s);
}

void px_bench_print(const struct px_network *network, enum px_dtype dtype,
                    const struct px_bench_case *one, const struct px_bench_result *result)
{
    double gflops = speed(network, one, result);

    printf("%5d %-5s %7d %7d %10.2f %10.2f %10.2f %10.2f %10.1f %10.0f %8.0f %5.1f%%\n", one->batch,
           px_dtype_name(dtype), one->workers, one->threads, result->median, result->min,
           result->p90, result->median / one->batch, result->images_per_s, gflops,
           result->ceiling_gflops, percent(gflops, result->ceiling_gflops));
    if (one->layers)
        print_layers(network, one, result);
    fflush(stdout);
}

void px_bench_print_unsupported(const char *dtype, const struct px_bench_case *one,
                                const char *reason)
{
    printf("%5d %-5s %7d %7d unsupported: %s\n", one->batch, dtype, one->workers, one->threads,
           reason);
}

static json_t *json_layers(const struct px_network *network, const struct px_bench_case *one,
                           const struct px_bench_result *result)
{
    json_t *list = json_array();
    struct rest rest = rest_of(network, result);
    int side = one->side;

    for (int i = 0; i < network->layer_count; i++) {
        const struct px_layer *l = &network->layers[i];
        const struct px_bench_layer *ms = &result->layers[i];
        struct shape s = shape_of(l, side);
        struct layer_bound bound = bound_of(ms, result);

        json_array_append_new(
            list,
            json_pack("{s:s,s:i,s:i,s:b,s:i,s:i,s:s,s:s,s:s,s:f,s:f,s:f,s:f,s:s,s:f,s:f}", "name",
                      l->conv, "in_channels", l->in_channels, "out_channels", l->out_channels,
                      "transposed", (int)l->transposed, "in_side", s.in_side, "out_side",
                      s.out_side, "form", result->algorithms[i], "implementation",
                      result->implementations[i], "dtype", px_dtype_name(result->dtypes[i]), "ms",
                      ms->convolution, "gflops", s.gflop * one->batch * 1e3 / ms->convolution,
                      "weights_gb_per_s", ms->weight_bytes * 1e-6 / ms->convolution,
                      "share_percent", percent(ms->convolution, rest.whole), "bound",
                      bound.memory ? "memory" : "compute", "percent_of_bound",
                      percent(bound.ms, ms->convolution), "rest_ms", ms->statistics + ms->pass));
        side = s.out_side;
    }
    return list;
}

static json_t *json_rest(const struct px_network *network, const struct px_bench_result *result)
{
    struct rest rest = rest_of(network, result);

    return json_pack("{s:f,s:f,s:f,s:f,s:f,s:f}", "ms", rest.all, "bounds_ms", rest.bounds,
                     "share_percent", percent(rest.all, rest.whole), "pictures_in_ms", result->in,
                     "statistics_ms", rest.statistics, "passes_ms", rest.passes);
}

json_t *px_bench_json(const struct px_network *network, enum px_dtype dtype,
                      const struct px_bench_case *one, const struct px_bench_result *result)
{
    double gflops = speed(network, one, result);
    json_t *row = json_pack(
        "{s:i,s:s,s:i,s:i,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f}", "batch", one->batch, "dtype",
        px_dtype_name(dtype), "workers", one->workers, "threads", one->threads, "median_ms",
        result->median, "min_ms", result->min, "p90_ms", result->p90, "median_ms_per_image",
        result->median / one->batch, "min_ms_per_image", result->min / one->batch, "images_per_s",
        result->images_per_s, "gflops", gflops, "ceiling_gflops", result->ceiling_gflops,
        "percent_of_ceiling", percent(gflops, result->ceiling_gflops), "bandwidth_gb_per_s",
        result->bandwidth_gb_per_s);

    if (one->layers) {
        json_object_set_new(row, "layers", json_layers(network, one, result));
        json_object_set_new(row, "not_convolution", json_rest(network, result));
    }
    return row;
}

json_t *px_bench_json_unsupported(const char *dtype, const struct px_bench_case *one,
                                  const char *reason)
{
    return json_pack("{s:i,s:s,s:i,s:i,s:s}", "batch", one->batch, "dtype", dtype, "workers",
                     one->workers, "threads", one->threads, "unsupported", reason);
}
