#include "model/formats/parts/pickle_value.h"

const char *px_pickle_kind_name(enum px_pickle_kind kind)
{
    static const char *const names[] = {
        [PX_PICKLE_MARK] = "a mark",          [PX_PICKLE_NONE] = "None",
        [PX_PICKLE_BOOL] = "a boolean",       [PX_PICKLE_INT] = "a number",
        [PX_PICKLE_FLOAT] = "a number",       [PX_PICKLE_STRING] = "a string",
        [PX_PICKLE_BYTES] = "bytes",          [PX_PICKLE_GLOBAL] = "a class",
        [PX_PICKLE_TUPLE] = "a tuple",        [PX_PICKLE_LIST] = "a list",
        [PX_PICKLE_DICT] = "a dict",          [PX_PICKLE_CALL] = "an object",
        [PX_PICKLE_PERSISTENT] = "a storage",
    };

    return names[kind];
}
