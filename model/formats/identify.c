#include "model/formats/identify.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define DOWNLOAD "; download the file itself"
#define UNPACK "; unpack it and give the checkpoint in it"
#define CONVERT "convert it with: pix2pix convert IN.pth OUT.safetensors"

/* Files that begin (at `at`) with certain bytes. */
struct signature {
    size_t at, size;
    const char *bytes;
    const char *text;
};

#define AT(at, bytes, text)                                                                        \
    {                                                                                              \
        at, sizeof bytes - 1, bytes, text                                                          \
    }

static const struct signature signatures[] = {
    AT(0, "version https://git-lfs",
       "this is a Git LFS pointer, not the file that it stands for; "
       "fetch that with: git lfs pull"),
    AT(0, "version https://hawser",
       "this is a Git LFS pointer, not the file that it stands for; "
       "fetch that with: git lfs pull"),
    AT(0, "/annex/objects/",
       "this is a git-annex pointer, not the file that it stands for; fetch "
       "that with: git annex get"),
    AT(0, "PK\3\4", "this is a zip archive, probably a .pth of PyTorch; " CONVERT),
    AT(0, "\x80\2", "this is a pickle, probably a .pth of PyTorch; " CONVERT),
    AT(0, "\x80\3", "this is a pickle, probably a .pth of PyTorch; " CONVERT),
    AT(0, "\x80\4", "this is a pickle, probably a .pth of PyTorch; " CONVERT),
    AT(0, "\x80\5", "this is a pickle, probably a .pth of PyTorch; " CONVERT),
    AT(0, "\x1f\x8b", "this is a gzip file; unpack it with gunzip (or tar -xzf)"),
    AT(0,
       "\xfd"
       "7zXZ",
       "this is an xz file; unpack it with unxz (or tar -xJf)"),
    AT(0, "BZh", "this is a bzip2 file; unpack it with bunzip2 (or tar -xjf)"),
    AT(0, "\x28\xb5\x2f\xfd", "this is a zstd file; unpack it with unzstd"),
    AT(0, "7z\xbc\xaf\x27\x1c", "this is a 7z archive" UNPACK),
    AT(0, "Rar!", "this is a RAR archive" UNPACK),
    AT(257, "ustar", "this is a tar archive" UNPACK),
    AT(0, "\x89PNG", "this is a PNG picture, not a checkpoint"),
    AT(0, "\xff\xd8\xff", "this is a JPEG picture, not a checkpoint"),
    AT(0, "GIF8", "this is a GIF picture, not a checkpoint"),
    AT(8, "WEBP", "this is a WebP picture, not a checkpoint"),
    AT(0, "%PDF", "this is a PDF document, not a checkpoint"),
    AT(0, "\x89HDF\r\n",
       "this is an HDF5 file, probably of Keras, and those are not read; only "
       "PyTorch's checkpoints and safetensors are"),
    AT(0, "\x93NUMPY", "this is a NumPy array, not a checkpoint"),
    AT(0, "GGUF", "this is a GGUF file, which holds language models, not a pix2pix generator"),
    AT(4, "TFL3", "this is a TensorFlow Lite model, and those are not read"),
    AT(0, "\4\0\0\0\1\0\0\0", "this is a file of Torch7 (.t7), and those are not read"),
    AT(0,
       "\x7f"
       "ELF",
       "this is a program, not a checkpoint"),
    AT(0, "MZ", "this is a Windows program, not a checkpoint"),
};

/* Text may begin with a byte order mark and spaces. */
static bool starts_with_text(const uint8_t *data, size_t size, const char *text)
{
    size_t at = size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    while (at < size && memchr(" \t\r\n", data[at], 4))
        at++;
    return size - at >= strlen(text) &&
           strncasecmp((const char *)data + at, text, strlen(text)) == 0;
}

static bool is_zero(const uint8_t *data, size_t size)
{
    enum { ENOUGH = 64 };

    for (size_t i = 0; i < size && i < ENOUGH; i++)
        if (data[i])
            return false;
    return size >= ENOUGH;
}

static const char *identify_text(const uint8_t *data, size_t size)
{
    static const char *const html[] = {"<!doctype html", "<html", "<head", "<body", "<!--"};

    for (size_t i = 0; i < sizeof html / sizeof *html; i++)
        if (starts_with_text(data, size, html[i]))
            return "this is an HTML page, not a checkpoint: the address leads to a page about the "
                   "file, or to a login" DOWNLOAD;
    if (starts_with_text(data, size, "<?xml") || starts_with_text(data, size, "<error"))
        return "this is an XML document, perhaps a server's error message, not a "
               "checkpoint" DOWNLOAD;
    if (starts_with_text(data, size, "{") || starts_with_text(data, size, "["))
        return "this is JSON, such as a configuration or an index, not a checkpoint" DOWNLOAD;
    return NULL;
}

/* An ONNX model is a protobuf message without a signature: ir_version, a small number, as field 1,
 * then producer_name (2), a domain (4) or the graph (7). */
static bool is_onnx(const uint8_t *data, size_t size)
{
    return size > 4 && data[0] == 0x08 && data[1] >= 1 && data[1] <= 32 &&
           (data[2] == 0x12 || data[2] == 0x22 || data[2] == 0x3a);
}

const char *px_identify(const uint8_t *data, size_t size)
{
    if (size == 0)
        return "the file is empty; download or copy it again";
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const struct signature *s = &signatures[i];
        if (size >= s->at + s->size && memcmp(data + s->at, s->bytes, s->size) == 0)
            return s->text;
    }
    if (is_zero(data, size))
        return "the file begins with zeros: its download is incomplete; download it again";
    if (is_onnx(data, size))
        return "this is an ONNX model, and those are only written; convert the .pth or safetensors "
               "file that it was made from";
    return identify_text(data, size);
}
