#include "codecs/format.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h>

#include "base/block.h"
#include "codecs/pixels.h"
#include "codecs/sink.h"

enum { MAX_SCANS = 100 };

/* libjpeg-turbo stores to aligned rows past the caches, and then the row has to be read from memory
 * at once: a picture of 256x256 took 0.45 or 0.56 ms, as malloc() happened to align the row for 16
 * or for 32 bytes. So rows are never aligned. */
enum { UNALIGNED = 8 };

struct jpeg_reader {
    struct jpeg_decompress_struct c;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    struct px_header header; /* channels as the sink takes them */
    struct px_sink sink;
    uint8_t *memory; /* of the row; owned */
    uint8_t *row;    /* as libjpeg delivers it */
    int rc;
    struct px_error *err;
    jmp_buf escape; /* out of libjpeg's callbacks; set by guarded() only */
};

static void give_up(j_common_ptr c)
{
    struct jpeg_reader *r = c->client_data;
    char text[JMSG_LENGTH_MAX];

    c->err->format_message(c, text);
    if (c->err->msg_code == JERR_OUT_OF_MEMORY)
        r->rc = px_fail(r->err, PX_E_NOMEM, "no memory to decode the JPEG");
    else if (c->err->msg_code == JERR_NO_BACKING_STORE)
        r->rc = px_fail(r->err, PX_E_UNPROCESSABLE,
                        "the JPEG needs more memory than its size explains; save it again as a "
                        "baseline JPEG");
    else if (c->err->msg_code == JERR_INPUT_EOF)
        r->rc =
            px_fail(r->err, PX_E_UNPROCESSABLE, "the JPEG is cut short (%s); " PX_ADVICE_CUT, text);
    else
        r->rc = px_fail(r->err, PX_E_UNPROCESSABLE, "the JPEG is damaged (%s); " PX_ADVICE_DAMAGED,
                        text);
    longjmp(r->escape, 1);
}

/* After a warning libjpeg goes on. Can a pixel be wrong then? Every warning of libjpeg-turbo 1.5 to
 * 3.1 is listed; one that a later version adds counts as damage. */
static bool spoils_pixels(int warning)
{
    switch (warning) {
    case JWRN_ADOBE_XFORM:     /* an unknown colour transform: every decoder takes YCbCr or YCCK */
    case JWRN_BOGUS_ICC:       /* colour profiles are ignored */
    case JWRN_EXTRANEOUS_DATA: /* bytes that belong to no segment, after all blocks of one */
    case JWRN_JFIF_MAJOR:      /* JFIF's revision says nothing about the coding */
    case JWRN_NOT_SEQUENTIAL:  /* Ss, Se, Ah and Al mean nothing in a sequential JPEG */
    case JWRN_TOO_MUCH_DATA:   /* rows were read beyond the last; read_rows() never does */
        return false;
    case JWRN_ARITH_BAD_CODE:    /* blocks are misread */
    case JWRN_BOGUS_PROGRESSION: /* a scan refines bits that never came: one is missing */
    case JWRN_HIT_MARKER:        /* blocks are missing, and become grey */
    case JWRN_HUFF_BAD_CODE:     /* blocks are misread */
    case JWRN_JPEG_EOF:          /* the same as HIT_MARKER; here on_source_empty() comes first */
    case JWRN_MUST_RESYNC:       /* a restart marker is missing: blocks are in the wrong place */
    default:
        return true;
    }
}

/* Level -1 is a warning, others are notes. */
static void on_message(j_common_ptr c, int level)
{
    if (level < 0 && spoils_pixels(c->err->msg_code))
        give_up(c);
}

/* A progressive file may ask for thousands of passes over the whole picture. */
static void on_progress(j_common_ptr c)
{
    struct jpeg_reader *r = c->client_data;

    if (r->c.input_scan_number <= MAX_SCANS)
        return;
    r->rc = px_fail(r->err, PX_E_UNPROCESSABLE,
                    "the JPEG has more than %d scans; save it again as a baseline JPEG", MAX_SCANS);
    longjmp(r->escape, 1);
}

static void on_source(j_decompress_ptr c)
{
    (void)c; /* the whole file is in memory */
}

static boolean on_source_empty(j_decompress_ptr c)
{
    ERREXIT(c, JERR_INPUT_EOF);
    return FALSE;
}

static void on_skip(j_decompress_ptr c, long count)
{
    if (count <= 0)
        return;
    if ((size_t)count > c->src->bytes_in_buffer)
        ERREXIT(c, JERR_INPUT_EOF);
    c->src->next_input_byte += count;
    c->src->bytes_in_buffer -= (size_t)count;
}

/* Runs one step; an error in libjpeg ends it here. No local lives across the jump. */
static int guarded(struct jpeg_reader *r, void (*step)(struct jpeg_reader *r))
{
    if (setjmp(r->escape))
        return r->rc;
    step(r);
    return 0;
}

static void read_head(struct jpeg_reader *r)
{
    uint64_t padded_w = (r->header.width + 31u) & ~UINT64_C(31);
    uint64_t padded_h = (r->header.height + 31u) & ~UINT64_C(31);

    jpeg_create_decompress(&r->c);
    r->c.src = &r->source;
    r->c.progress = &r->progress;
    /* All that a decoder can need: 16-bit coefficients of four whole components, and some rows.
     * A file that makes libjpeg ask for more is refused by it. */
    r->c.mem->max_memory_to_use = (long)(padded_w * padded_h * 8 + padded_w * 1024 + (4 << 20));
    jpeg_read_header(&r->c, TRUE);
    if (r->c.image_width != r->header.width || r->c.image_height != r->header.height)
        ERREXIT(&r->c, JERR_SOF_DUPLICATE);
    if (r->c.num_components == 1)
        r->c.out_color_space = JCS_GRAYSCALE;
    else
        r->c.out_color_space = r->c.num_components == 4 ? JCS_CMYK : JCS_RGB;
    r->c.dct_method = JDCT_ISLOW; /* as Pillow and every browser: exact, and fast enough */
    jpeg_start_decompress(&r->c);
}

/* Four components to RGB, in place, as Pillow reads CMYK and then convert("RGB")s it: the stored
 * values are taken as inverted (Adobe's habit, with or without its marker), so k' = 255 - K is the
 * stored k and C = 255 - c. Then R = k - round((255 - c) k / 255), and so on. YCCK has become CMYK
 * inside libjpeg by then. */
static void cmyk_to_rgb(uint8_t *row, uint32_t width)
{
    const uint8_t *in = row;

    for (uint32_t x = 0; x < width; x++, in += 4, row += 3) {
        uint32_t k = in[3];
        for (int i = 0; i < 3; i++)
            row[i] = (uint8_t)(k - px_div255((255u - in[i]) * k));
    }
}

static void read_rows(struct jpeg_reader *r)
{
    while (r->c.output_scanline < r->c.output_height) {
        uint32_t y = r->c.output_scanline;
        jpeg_read_scanlines(&r->c, &r->row, 1);
        if (r->c.output_components == 4)
            cmyk_to_rgb(r->row, r->header.width);
        px_sink_put(&r->sink, y, r->row);
    }
    jpeg_finish_decompress(&r->c); /* reads on to EOI: a file cut off there is damaged too */
}

static void set_up(struct jpeg_reader *r, struct px_span file)
{
    r->c.err = jpeg_std_error(&r->errors);
    r->c.client_data = r;
    r->errors.error_exit = give_up;
    r->errors.emit_message = on_message;
    r->progress.progress_monitor = on_progress;
    r->source = (struct jpeg_source_mgr){
        .next_input_byte = file.data,
        .bytes_in_buffer = file.size,
        .init_source = on_source,
        .fill_input_buffer = on_source_empty,
        .skip_input_data = on_skip,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = on_source,
    };
}

int px_jpeg_decode(struct px_span file, const struct px_header *header, uint32_t channels,
                   struct px_image *image, struct px_error *err)
{
    struct jpeg_reader r = {.header = *header, .err = err};

    set_up(&r, file);
    r.header.channels = header->channels == 1 ? 1 : 3;
    int rc = guarded(&r, read_head);
    if (!rc)
        rc = px_sink_init(&r.sink, &r.header, channels, err);
    if (!rc && !(r.memory = px_block_take((size_t)header->width * 4 + UNALIGNED)))
        rc = px_fail(err, PX_E_NOMEM, "no memory for a row of %u pixels", header->width);
    if (!rc) {
        r.row = r.memory + UNALIGNED;
        rc = guarded(&r, read_rows);
    }
    if (!rc)
        px_sink_image(&r.sink, image);
    px_sink_clear(&r.sink);
    px_block_release(r.memory);
    jpeg_destroy_decompress(&r.c);
    return rc;
}
