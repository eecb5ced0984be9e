#ifndef TRAINER_REPORT_PARTS_RECORD_H
#define TRAINER_REPORT_PARTS_RECORD_H

/* TensorFlow's files of records (tensorflow.org/tutorials/load_data/tfrecord): the size of each,
 * its bytes, and a masked CRC-32C of both. */

#include <stddef.h>
#include <stdint.h>

/* What comes before and behind a record's bytes. */
enum { PX_RECORD_HEAD = 12, PX_RECORD_TAIL = 4 };

void px_record_head(uint8_t head[static PX_RECORD_HEAD], uint64_t size);
void px_record_tail(uint8_t tail[static PX_RECORD_TAIL], const uint8_t *data, size_t size);

#endif
