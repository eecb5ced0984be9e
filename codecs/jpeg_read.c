#include "codecs/jpeg_read.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "codecs/exif.h"
#include "codecs/pixels.h"

/* The header is read twice: once by px_jpeg_probe(), a bounded walk over the markers that allocates
 * nothing and decides whether size and kind are acceptable, and then by libjpeg. */

enum { SOI = 0xd8, SOS = 0xda, EOI = 0xd9, APP1 = 0xe1, MAX_SCANS = 100 };

bool px_jpeg_sniff(struct px_bytes file)
{
    return file.size >= 3 && file.data[0] == 0xff && file.data[1] == SOI && file.data[2] == 0xff;
}

static bool is_frame(uint8_t marker) /* SOF0-15 without DHT, JPG and DAC */
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static int refuse(struct px_error *err, const char *what)
{
    return px_fail(err, PX_E_UNPROCESSABLE,
                   "the JPEG is %s, which is not supported; send a baseline or progressive one of "
                   "8 bits, or a PNG",
                   what);
}

static int read_frame(uint8_t marker, struct px_bytes segment, struct px_header *header,
                      struct px_error *err)
{
    if (segment.size < 6)
        return px_fail(err, PX_E_UNPROCESSABLE, "the JPEG is damaged: its frame header is short");
    if (marker >= 0xc9)
        return refuse(err, "arithmetic-coded");
    if (marker == 0xc3)
        return refuse(err, "lossless");
    if (marker > 0xc3)
        return refuse(err, "hierarchical");
    if (segment.data[0] != 8)
        return refuse(err, segment.data[0] == 12 ? "of 12 bits" : "not of 8 bits");
    header->height = px_be16(segment.data + 1);
    header->width = px_be16(segment.data + 3);
    header->channels = segment.data[5];
    if (header->channels != 1 && header->channels != 3 && header->channels != 4)
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "the JPEG has %u colour components; 1 (grey), 3 (colour) and 4 (CMYK) are "
                       "supported",
                       header->channels);
    return 0;
}

int px_jpeg_probe(struct px_bytes file, struct px_header *header, struct px_error *err)
{
    bool exif = false;
    size_t at = 2;

    *header = (struct px_header){.orientation = 1};
    while (file.size - at >= 4) {
        uint8_t marker = file.data[at + 1];
        size_t length = px_be16(file.data + at + 2);
        if (file.data[at] == 0xff && marker == 0xff) { /* fill byte */
            at++;
            continue;
        }
        if (file.data[at] != 0xff || marker < 0xc0 || marker == SOS || marker == EOI || length < 2)
            return px_fail(err, PX_E_UNPROCESSABLE,
                           "the JPEG is damaged: no frame header before byte %zu", at);
        if (length > file.size - at - 2)
            break;
        struct px_bytes segment = {file.data + at + 4, length - 2};
        if (is_frame(marker))
            return read_frame(marker, segment, header, err);
        if (marker == APP1 && !exif && px_exif_marked(segment.data, segment.size)) {
            header->orientation = px_exif_orientation(segment.data, segment.size);
            exif = true;
        }
        at += 2 + length;
    }
    return px_fail(err, PX_E_UNPROCESSABLE,
                   "the JPEG ends inside its header, after %zu bytes; send the whole file",
                   file.size);
}

struct reader {
    struct jpeg_decompress_struct c;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    struct px_header header; /* channels as the sink takes them */
    struct px_sink sink;
    uint8_t *row; /* as libjpeg delivers it; owned */
    int rc;
    struct px_error *err;
    jmp_buf escape; /* out of libjpeg's callbacks; set by guarded() only */
};

static void give_up(j_common_ptr c)
{
    struct reader *r = c->client_data;
    char text[JMSG_LENGTH_MAX];

    c->err->format_message(c, text);
    if (c->err->msg_code == JERR_OUT_OF_MEMORY)
        r->rc = px_fail(r->err, PX_E_NOMEM, "no memory to decode the JPEG");
    else
        r->rc = px_fail(r->err, PX_E_UNPROCESSABLE,
                        "the JPEG is damaged or cut short (%s); send the whole file", text);
    longjmp(r->escape, 1);
}

/* Level -1 is a warning: libjpeg is about to invent pixels. Nobody wants half a grey picture. */
static void on_message(j_common_ptr c, int level)
{
    if (level < 0)
        give_up(c);
}

/* A progressive file may ask for thousands of passes over the whole picture. */
static void on_progress(j_common_ptr c)
{
    struct reader *r = c->client_data;

    if (r->c.input_scan_number <= MAX_SCANS)
        return;
    r->rc = px_fail(r->err, PX_E_UNPROCESSABLE,
                    "the JPEG has more than %d scans; save it again as a baseline JPEG", MAX_SCANS);
    longjmp(r->escape, 1);
}

static void on_source(j_decompress_ptr c)
{
    (void)c; /* the whole file is there from the start */
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

/* Runs one step; what libjpeg refuses ends it here. No local lives across the jump. */
static int guarded(struct reader *r, void (*step)(struct reader *r))
{
    if (setjmp(r->escape))
        return r->rc;
    step(r);
    return 0;
}

static void read_head(struct reader *r)
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
        for (int i = 0; i < 3; i++) {
            uint32_t v = (255u - in[i]) * k + 128;
            row[i] = (uint8_t)(k - ((v + (v >> 8)) >> 8));
        }
    }
}

static void read_rows(struct reader *r)
{
    while (r->c.output_scanline < r->c.output_height) {
        uint32_t y = r->c.output_scanline;
        jpeg_read_scanlines(&r->c, &r->row, 1);
        if (r->c.output_components == 4)
            cmyk_to_rgb(r->row, r->header.width);
        px_sink_put(&r->sink, y, r->row);
    }
    jpeg_finish_decompress(&r->c); /* reads on to EOI: what is cut off there is damage too */
}

static void set_up(struct reader *r, struct px_bytes file)
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

int px_jpeg_decode(struct px_bytes file, const struct px_header *header, uint32_t channels,
                   struct px_image *image, struct px_error *err)
{
    struct reader r = {.header = *header, .err = err};

    set_up(&r, file);
    r.header.channels = header->channels == 1 ? 1 : 3;
    int rc = guarded(&r, read_head);
    if (!rc)
        rc = px_sink_create(&r.sink, &r.header, channels, err);
    if (!rc && !(r.row = malloc((size_t)header->width * 4)))
        rc = px_fail(err, PX_E_NOMEM, "no memory for a row of %u pixels", header->width);
    if (!rc)
        rc = guarded(&r, read_rows);
    if (!rc)
        px_sink_take(&r.sink, image);
    px_sink_destroy(&r.sink);
    free(r.row);
    jpeg_destroy_decompress(&r.c);
    return rc;
}
