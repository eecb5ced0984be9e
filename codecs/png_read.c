#include "codecs/png_read.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/block.h"
#include "base/checked.h"
#include "codecs/png_chunks.h"
#include "codecs/png_plain.h"

struct png_reader {
    struct px_png_chunks chunks; /* what libpng has not read yet */
    png_structp png;
    png_infop info;
    struct px_header header; /* channels as libpng will deliver them */
    struct px_sink sink;
    uint8_t *rows; /* one row, or the whole stored picture if it is interlaced */
    size_t stride;
    int passes;
    bool no_memory;
    int rc;
    struct px_error *err;
    jmp_buf escape; /* out of libpng's callbacks; set by guarded() only */
};

static void on_error(png_structp png, png_const_charp message)
{
    struct png_reader *r = png_get_error_ptr(png);

    if (r->no_memory)
        r->rc = px_fail(r->err, PX_E_NOMEM, "no memory to decode the PNG");
    else
        r->rc = px_fail(r->err, PX_E_UNPROCESSABLE, "the PNG is damaged (%s); " PX_ADVICE_DAMAGED,
                        message);
    longjmp(r->escape, 1);
}

/* The warnings of libpng after which every decoder shows the same pixels. Most others cannot occur,
 * since libpng reads only the chunks that px_png_chunks passes on. A warning that is not listed may
 * concern pixels and refuses the picture, above all a wrong Adler-32 ("IDAT: incorrect data
 * check"). */
static const char *const harmless[] = {
    "Extra compressed data",   /* bytes after the end of the compressed stream */
    "Too much image data",     /* rows after the last */
    "Too many IDATs found",    /* the same, in chunks of their own */
    "chunk data is too large", /* an IDAT larger than its pixels need */
    "PLTE: ",                  /* a palette that no pixel needs; if one does, it is an error */
    "tRNS: ", /* repeated or of a wrong size: ignored by all; a wrong CRC is an error */
};

static void on_warning(png_structp png, png_const_charp message)
{
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (strstr(message, harmless[i]))
            return;
    on_error(png, message);
}

/* While libpng creates its structs: the result shows whether memory ran out. */
static void ignore_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static png_voidp allocate(png_structp png, png_alloc_size_t size)
{
    struct png_reader *r = png_get_mem_ptr(png);
    void *p = px_block_take(size);

    if (!p)
        r->no_memory = true;
    return p;
}

static void release(png_structp png, png_voidp p)
{
    (void)png;
    px_block_release(p);
}

static void on_read(png_structp png, png_bytep out, size_t size)
{
    struct png_reader *r = png_get_io_ptr(png);

    r->rc = px_png_chunks_read(&r->chunks, out, size, r->err);
    if (r->rc)
        longjmp(r->escape, 1);
}

/* Runs one step; an error in libpng ends it here. No local lives across the jump. */
static int guarded(struct png_reader *r, void (*step)(struct png_reader *r))
{
    if (setjmp(r->escape))
        return r->rc;
    step(r);
    return 0;
}

static void read_head(struct png_reader *r)
{
    png_set_error_fn(r->png, r, on_error, on_warning); /* may jump from here on */
    png_set_read_fn(r->png, r, on_read);
    png_set_user_limits(r->png, r->header.width, r->header.height);
    png_set_benign_errors(r->png, 1); /* warn, so that on_warning() decides */
    png_set_crc_action(r->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT); /* in tRNS as well */
    png_read_info(r->png, r->info);
    if (png_get_image_width(r->png, r->info) != r->header.width ||
        png_get_image_height(r->png, r->info) != r->header.height)
        png_error(r->png, "two different headers");

    png_set_expand(r->png); /* palette to RGB, 1, 2 and 4 bits to 8, tRNS to alpha */
    if (!r->header.deep)
        png_set_scale_16(r->png); /* round(v * 255 / 65535) */
    else if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
        png_set_swap(r->png);
    r->passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    r->header.channels = png_get_channels(r->png, r->info);
    r->stride = png_get_rowbytes(r->png, r->info);
    if (r->stride != (size_t)r->header.width * r->header.channels * (r->header.deep ? 2 : 1))
        png_error(r->png, "rows of an unexpected size");
}

static void read_rows(struct png_reader *r)
{
    for (uint32_t y = 0; r->passes == 1 && y < r->header.height; y++) {
        png_read_row(r->png, r->rows, NULL);
        px_sink_put(&r->sink, y, r->rows);
    }
    for (int pass = 0; r->passes > 1 && pass < r->passes; pass++)
        for (uint32_t y = 0; y < r->header.height; y++)
            png_read_row(r->png, r->rows + y * r->stride, NULL);
    for (uint32_t y = 0; r->passes > 1 && y < r->header.height; y++)
        px_sink_put(&r->sink, y, r->rows + y * r->stride);
    png_read_end(r->png, NULL);
}

static int open_reader(struct png_reader *r)
{
    r->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, r, on_error, ignore_warning, r,
                                      allocate, release);
    if (r->png)
        r->info = png_create_info_struct(r->png);
    if (!r->info)
        return px_fail(r->err, PX_E_NOMEM, "no memory to decode the PNG");
    return 0;
}

static int create_rows(struct png_reader *r)
{
    size_t size;

    if (!px_mul(r->stride, r->passes > 1 ? r->header.height : 1, &size) ||
        !(r->rows = px_block_take(size)))
        return px_fail(r->err, PX_E_NOMEM, "no memory for the rows of a PNG of %ux%u",
                       r->header.width, r->header.height);
    return 0;
}

int px_png_read(struct px_span file, const struct px_header *header, uint32_t channels,
                struct px_sink *sink, struct px_error *err)
{
    struct png_reader r = {.header = *header, .err = err};
    int rc = open_reader(&r);

    px_png_chunks_init(&r.chunks, file);
    if (!rc)
        rc = guarded(&r, read_head);
    if (!rc)
        rc = px_sink_init(&r.sink, &r.header, channels, err);
    if (!rc)
        rc = create_rows(&r);
    if (!rc)
        rc = guarded(&r, read_rows);
    if (!rc && r.no_memory) /* libpng went on without something it wanted to hold */
        rc = px_fail(err, PX_E_NOMEM, "no memory to decode the PNG");
    *sink = r.sink;
    px_block_release(r.rows);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    return rc;
}

int px_png_decode(struct px_span file, const struct px_header *header, uint32_t channels,
                  struct px_image *image, struct px_error *err)
{
    struct px_header rounded = *header;
    struct px_sink sink;

    rounded.deep = false;
    int rc = 0;
    if (!px_png_plain_read(file, &rounded, channels, &sink))
        rc = px_png_read(file, &rounded, channels, &sink, err);
    if (!rc)
        px_sink_image(&sink, image);
    px_sink_clear(&sink);
    return rc;
}

int px_png_decode16(struct px_span file, const struct px_header *header, uint32_t channels,
                    struct px_image16 *image, struct px_error *err)
{
    struct px_sink sink;
    int rc = px_png_read(file, header, channels, &sink, err);

    if (!rc)
        px_sink_image16(&sink, image);
    px_sink_clear(&sink);
    return rc;
}
