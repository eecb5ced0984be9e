#include "codecs/format.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h>

#include "base/block.h"
#include "codecs/codec.h"
#include "codecs/pixels.h"

/* Writing JPEG, and the format's table. */

enum { OUTPUT_CHUNK = 16384, FULL_CHROMA = 90 }; /* from this quality on, no chroma subsampling */

struct jpeg_writer {
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    const struct px_image *image;
    int quality;
    struct px_buffer *out;
    uint8_t *row; /* one row without alpha, owned; NULL if the image has none */
    int rc;
    struct px_error *err;
    jmp_buf escape;
};

static void on_error(j_common_ptr c)
{
    struct jpeg_writer *w = c->client_data;
    char text[JMSG_LENGTH_MAX];

    c->err->format_message(c, text);
    w->rc =
        px_fail(w->err, c->err->msg_code == JERR_IMAGE_TOO_BIG ? PX_E_UNPROCESSABLE : PX_E_NOMEM,
                "cannot encode a JPEG of %ux%u: %s", w->image->width, w->image->height, text);
    longjmp(w->escape, 1);
}

static void on_message(j_common_ptr c, int level)
{
    (void)c;
    (void)level;
}

/* libjpeg writes into the buffer itself, a chunk at a time. */
static void start_chunk(j_compress_ptr c)
{
    struct jpeg_writer *w = c->client_data;

    w->destination.next_output_byte = px_buffer_reserve(w->out, OUTPUT_CHUNK);
    w->destination.free_in_buffer = OUTPUT_CHUNK;
    if (!w->destination.next_output_byte)
        ERREXIT1(c, JERR_OUT_OF_MEMORY, 0);
}

static void keep(j_compress_ptr c, size_t size)
{
    struct jpeg_writer *w = c->client_data;

    w->out->size += size;
    w->out->data[w->out->size] = 0;
}

static boolean flush_chunk(j_compress_ptr c)
{
    keep(c, OUTPUT_CHUNK); /* libjpeg's rule: all of it counts, whatever free_in_buffer says */
    start_chunk(c);
    return TRUE;
}

static void finish_chunk(j_compress_ptr c)
{
    keep(c, OUTPUT_CHUNK - c->dest->free_in_buffer);
}

static void write_all(struct jpeg_writer *w)
{
    const struct px_image *image = w->image;
    struct jpeg_compress_struct *c = &w->c;
    bool grey = image->channels < 3;
    size_t stride = (size_t)image->width * image->channels;

    jpeg_create_compress(c);
    c->dest = &w->destination;
    c->image_width = image->width;
    c->image_height = image->height;
    c->input_components = grey ? 1 : 3;
    c->in_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(c);
    jpeg_set_quality(c, w->quality, TRUE);
    if (!grey && w->quality >= FULL_CHROMA) {
        c->comp_info[0].h_samp_factor = 1;
        c->comp_info[0].v_samp_factor = 1;
    }
    jpeg_start_compress(c, TRUE);
    for (uint32_t y = 0; y < image->height; y++) {
        uint8_t *row = image->data + y * stride; /* not written to */
        if (w->row) {
            px_convert_row(row, image->channels, w->row, grey ? 1 : 3, image->width);
            row = w->row;
        }
        jpeg_write_scanlines(c, &row, 1);
    }
    jpeg_finish_compress(c);
}

/* No local lives across the jump. */
static int guarded(struct jpeg_writer *w)
{
    if (setjmp(w->escape))
        return w->rc;
    write_all(w);
    return 0;
}

static int encode(const struct px_image *image, const struct px_encoding *encoding,
                  struct px_buffer *out, struct px_error *err)
{
    int quality = encoding->quality;

    if (quality < 1 || quality > 100)
        return px_fail(err, PX_E_INVALID, "a JPEG quality of %d is outside 1-100", quality);
    struct jpeg_writer *w = px_block_take_zeroed(sizeof *w);
    if (!w)
        return px_fail(err, PX_E_NOMEM, "no memory to encode a JPEG");
    w->image = image;
    w->quality = quality;
    w->out = out;
    w->err = err;
    w->c.err = jpeg_std_error(&w->errors);
    w->c.client_data = w;
    w->errors.error_exit = on_error;
    w->errors.emit_message = on_message;
    w->destination.init_destination = start_chunk;
    w->destination.empty_output_buffer = flush_chunk;
    w->destination.term_destination = finish_chunk;
    int rc = 0;
    if (image->channels % 2 == 0 && !(w->row = px_block_take((size_t)image->width * 3)))
        rc = px_fail(err, PX_E_NOMEM, "no memory for a row of %u pixels", image->width);
    if (!rc)
        rc = guarded(w);
    jpeg_destroy_compress(&w->c);
    px_block_release(w->row);
    px_block_release(w);
    return rc;
}

const struct px_codec px_codec_jpeg = {
    .name = "jpeg",
    .mime = "image/jpeg",
    .sniff = px_jpeg_sniff,
    .probe = px_jpeg_probe,
    .decode = px_jpeg_decode,
    .encode = encode,
};
