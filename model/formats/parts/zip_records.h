#ifndef MODEL_FORMATS_PARTS_ZIP_RECORDS_H
#define MODEL_FORMATS_PARTS_ZIP_RECORDS_H

/* The records of a zip archive (APPNOTE.TXT, 4.3): bytes of their fixed parts, and their
 * signatures. */

enum {
    PX_ZIP_LOCAL = 30,
    PX_ZIP_CENTRAL = 46,
    PX_ZIP_END = 22,
    PX_ZIP_END64 = 56,
    PX_ZIP_LOCATOR = 20,

    PX_ZIP_LOCAL_MARK = 0x04034b50,
    PX_ZIP_CENTRAL_MARK = 0x02014b50,
    PX_ZIP_END_MARK = 0x06054b50,
    PX_ZIP_END64_MARK = 0x06064b50,
    PX_ZIP_LOCATOR_MARK = 0x07064b50,
    PX_ZIP_DESCRIPTOR_MARK = 0x08074b50,
};

#endif
