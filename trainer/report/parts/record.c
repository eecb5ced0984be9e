#include "trainer/report/parts/record.h"

/* CRC-32C, Castagnoli's polynomial with its bits reversed. A training writes a few hundred KiB an
 * epoch, so that eight steps a byte are enough. */
static uint32_t crc32c(const uint8_t *data, size_t size)
{
    uint32_t crc = ~UINT32_C(0);

    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
    }
    return ~crc;
}

static void put_little(uint8_t *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

/* Masked, because a CRC over bytes that hold their own CRC is weak. */
static void put_crc(uint8_t *out, const uint8_t *data, size_t size)
{
    uint32_t crc = crc32c(data, size);

    put_little(out, (crc >> 15 | crc << 17) + UINT32_C(0xa282ead8), 4);
}

void px_record_head(uint8_t head[static PX_RECORD_HEAD], uint64_t size)
{
    put_little(head, size, 8);
    put_crc(head + 8, head, 8);
}

void px_record_tail(uint8_t tail[static PX_RECORD_TAIL], const uint8_t *data, size_t size)
{
    put_crc(tail, data, size);
}
