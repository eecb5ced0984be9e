#ifndef BASE_STREAMS_H
#define BASE_STREAMS_H

/* Standard input, output and error that were closed when the program started (>&-) get /dev/null,
 * opened the wrong way round: nothing else that is opened becomes standard output by its number and
 * is written to, and reading and writing still fail as from a closed descriptor. Call it first in
 * main(). */
void px_streams_open(void);

#endif
