/* Times what a picture costs beside the network: decoding the file as it is, then encoding the
 * picture as PNG and as JPEG and decoding both again. One thread. Prints a line per picture and
 * step: the median and the range from the 5th to the 95th percentile, in ms, and the file's bytes.
 */

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "codecs/codec.h"
#include "config/options.h"
#include "tools/bench/bench_times.h"

enum { MAX_FILES = 64, MAX_FILE = 64 << 20 };

struct settings {
    int64_t runs, quality;
};

static const struct px_option rows[] = {
    {.name = "runs",
     .type = PX_OPTION_INT,
     .offset = offsetof(struct settings, runs),
     .fallback = "400",
     .min = 1,
     .max = 1e6,
     .help = "Times that each step is taken"},
    {.name = "quality",
     .type = PX_OPTION_INT,
     .offset = offsetof(struct settings, quality),
     .fallback = "90",
     .min = 1,
     .max = 100,
     .help = "Quality of the JPEG"},
};

static const struct px_option_table table = {
    .program = "bench_codecs",
    .usage = "[OPTIONS] PICTURE...",
    .description = "Times decoding and encoding of pictures.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .min_arguments = 1,
    .max_arguments = MAX_FILES,
};

enum step { READ, WRITE_PNG, READ_PNG, WRITE_JPEG, READ_JPEG, STEPS };

/* One picture, and what the steps make of it. */
struct subject {
    struct px_span file;
    struct px_image image;      /* in as many channels as the file has, but no alpha */
    struct px_buffer png, jpeg; /* of the image */
    double *times[STEPS];       /* a list of `runs` each */
};

static int decode(struct px_span file, uint32_t channels, struct px_error *err)
{
    struct px_image image = {0};
    int rc = px_image_decode(file, NULL, channels, &image, err);

    px_image_clear(&image);
    return rc;
}

static int encode(struct subject *s, enum px_format format, int quality, struct px_error *err)
{
    struct px_buffer *out = format == PX_FORMAT_PNG ? &s->png : &s->jpeg;
    const struct px_encoding encoding = {.format = format, .quality = quality};

    px_buffer_clear(out);
    return px_image_encode(&s->image, &encoding, out, err);
}

static int take(struct subject *s, enum step step, int quality, struct px_error *err)
{
    switch (step) {
    case READ:
        return decode(s->file, s->image.channels, err);
    case WRITE_PNG:
        return encode(s, PX_FORMAT_PNG, quality, err);
    case READ_PNG:
        return decode((struct px_span){s->png.data, s->png.size}, s->image.channels, err);
    case WRITE_JPEG:
        return encode(s, PX_FORMAT_JPEG, quality, err);
    default:
        return decode((struct px_span){s->jpeg.data, s->jpeg.size}, s->image.channels, err);
    }
}

static int measure(struct subject *s, const struct settings *settings, struct px_error *err)
{
    int rc = 0;

    for (int i = 0; i < STEPS && !rc; i++)
        if (!(s->times[i] = malloc((size_t)settings->runs * sizeof(double))))
            rc = px_fail(err, PX_E_NOMEM, "no memory for %lld times", (long long)settings->runs);
    for (int64_t run = -3; run < settings->runs; run++) /* three to warm up */
        for (int i = 0; i < STEPS && !rc; i++) {
            int64_t start = px_now_ns();
            rc = take(s, (enum step)i, (int)settings->quality, err);
            if (run >= 0)
                s->times[i][run] = px_ms_since(start);
        }
    return rc;
}

static void print(const char *path, const struct subject *s, size_t runs)
{
    static const char *const names[STEPS] = {"decode", "encode PNG", "decode that", "encode JPEG",
                                             "decode that"};
    const size_t sizes[STEPS] = {s->file.size, s->png.size, s->png.size, s->jpeg.size,
                                 s->jpeg.size};

    printf("%s: %ux%u, %u channels\n", path, s->image.width, s->image.height, s->image.channels);
    for (int i = 0; i < STEPS; i++) {
        double median = px_bench_median(s->times[i], runs);
        printf("  %-12s %7.3f (%.3f-%.3f) ms  %8zu bytes\n", names[i], median,
               px_bench_quantile(s->times[i], runs, 0.05),
               px_bench_quantile(s->times[i], runs, 0.95), sizes[i]);
    }
}

static int bench(const char *path, const struct settings *settings, struct px_error *err)
{
    struct subject s = {0};
    struct px_image_info info;
    uint8_t *data = NULL;
    int rc = px_file_read(path, MAX_FILE, &data, &s.file.size, err);

    s.file.data = data;
    if (!rc)
        rc = px_image_probe(s.file, NULL, &info, err);
    if (!rc)
        rc = px_image_decode(s.file, NULL, info.channels < 3 ? 1 : 3, &s.image, err);
    if (!rc)
        rc = measure(&s, settings, err);
    if (!rc)
        print(path, &s, (size_t)settings->runs);
    for (int i = 0; i < STEPS; i++)
        free(s.times[i]);
    px_image_clear(&s.image);
    px_buffer_clear(&s.png);
    px_buffer_clear(&s.jpeg);
    free(data);
    return rc;
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct px_options options;
    struct px_error err = {0};
    int rc = px_options_parse(&table, &settings, NULL, argc, argv, &options, &err);

    if (!rc) {
        bool informed = px_options_inform(&table, &options, stdout);
        for (size_t i = 0; i < options.argument_count && !informed && !rc; i++)
            rc = bench(options.arguments[i], &settings, &err);
        px_options_clear(&options);
    }
    if (rc)
        fprintf(stderr, "bench_codecs: %s\n", err.message);
    return px_error_exit(rc);
}
