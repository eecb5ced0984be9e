#include "codecs/exif.h"
#include "codecs/format.h"

/* The header is read twice: first here, by a bounded walk over the markers that allocates nothing
 * and decides whether size and kind are acceptable, and then by libjpeg. Both must find the same
 * frame header, so the walk skips what libjpeg skips: bytes between segments that belong to none.
 */

enum {
    TEM = 0x01,
    SOF3 = 0xc3,
    DHT = 0xc4,
    JPG = 0xc8,
    SOF9 = 0xc9,
    DAC = 0xcc,
    SOF15 = 0xcf,
    RST0 = 0xd0,
    RST7 = 0xd7,
    SOI = 0xd8,
    EOI = 0xd9,
    SOS = 0xda,
    APP1 = 0xe1,
    SOF55 = 0xf7,
};

bool px_jpeg_sniff(struct px_span file)
{
    return file.size >= 3 && file.data[0] == 0xff && file.data[1] == SOI && file.data[2] == 0xff;
}

/* The next marker from *at on, which is moved behind it; 0 if there is none. */
static uint8_t next_marker(struct px_span file, size_t *at)
{
    for (size_t i = *at; i + 1 < file.size; i++) {
        uint8_t marker = file.data[i + 1];
        if (file.data[i] == 0xff && marker != 0xff && marker != 0) {
            *at = i + 2;
            return marker;
        }
    }
    return 0;
}

static bool has_no_length(uint8_t marker)
{
    return marker == TEM || (marker >= RST0 && marker <= RST7);
}

static bool is_frame(uint8_t marker)
{
    return (marker >= 0xc0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC) ||
           marker == SOF55;
}

/* Markers that end the search for a frame header, and bytes that are not a marker at all. */
static bool is_out_of_place(uint8_t marker)
{
    return marker < 0xc0 || marker == SOI || marker == EOI || marker == SOS;
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
    if (marker == SOF55)
        return refuse(err, "a JPEG-LS");
    if (segment.size < 6)
        return px_fail(err, PX_E_UNPROCESSABLE,
                       "the JPEG is damaged: its frame header is short; " PX_ADVICE_DAMAGED);
    if (marker >= SOF9)
        return refuse(err, "arithmetic-coded");
    if (marker == SOF3)
        return refuse(err, "lossless");
    if (marker > SOF3)
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
    uint8_t marker;
    size_t at = 2;

    *header = (struct px_header){.orientation = 1};
    while ((marker = next_marker(file, &at))) {
        if (has_no_length(marker))
            continue;
        if (is_out_of_place(marker))
            return px_fail(
                err, PX_E_UNPROCESSABLE,
                "the JPEG is damaged: no frame header before byte %zu; " PX_ADVICE_DAMAGED, at - 2);
        if (file.size - at < 2)
            break;
        size_t length = px_be16(file.data + at); /* counts itself; libjpeg takes less than 2 as 2 */
        if (length < 2)
            length = 2;
        if (length > file.size - at)
            break;
        struct px_span segment = {file.data + at + 2, length - 2};
        if (is_frame(marker))
            return read_frame(marker, segment, header, err);
        if (marker == APP1 && !exif && px_exif_is_marked(segment)) {
            header->orientation = px_exif_orientation(segment);
            exif = true;
        }
        at += length;
    }
    return px_fail(err, PX_E_UNPROCESSABLE,
                   "the JPEG ends inside its header, after %zu bytes; " PX_ADVICE_CUT, file.size);
}
