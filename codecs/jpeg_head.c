#include "codecs/exif.h"
#include "codecs/format.h"

/* The header is read twice: once by px_jpeg_probe(), a bounded walk over the markers that allocates
 * nothing and decides whether size and kind are acceptable, and then by libjpeg. */

enum { SOI = 0xd8, SOS = 0xda, EOI = 0xd9, APP1 = 0xe1 };

bool px_jpeg_sniff(struct px_span file)
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

static int read_frame(uint8_t marker, struct px_span segment, struct px_header *header,
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

int px_jpeg_probe(struct px_span file, struct px_header *header, struct px_error *err)
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
        struct px_span segment = {file.data + at + 4, length - 2};
        if (is_frame(marker))
            return read_frame(marker, segment, header, err);
        if (marker == APP1 && !exif && px_exif_is_marked(segment)) {
            header->orientation = px_exif_orientation(segment);
            exif = true;
        }
        at += 2 + length;
    }
    return px_fail(err, PX_E_UNPROCESSABLE,
                   "the JPEG ends inside its header, after %zu bytes; send the whole file",
                   file.size);
}
