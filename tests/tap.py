"""TAP for tests in Python: @ok(sentence) runs a test at once, done() ends the program."""

import sys
import traceback

counted, failed = 0, 0


def ok(sentence):
    """Decorates a test, which is run at once: it fails by an exception."""
    def decorate(test):
        global counted, failed
        counted += 1
        try:
            test()
            print('ok %d - %s' % (counted, sentence), flush=True)
        except Exception:  # a failed test must not keep the others from running
            failed += 1
            print('not ok %d - %s' % (counted, sentence))
            for line in traceback.format_exc().splitlines()[-12:]:
                print('# ' + line, flush=True)
        return test
    return decorate


def equal(found, wanted):
    if found != wanted:
        raise AssertionError('%r, expected %r' % (found, wanted))


def skip(sentence, reason):
    global counted
    counted += 1
    print('ok %d - %s # SKIP %s' % (counted, sentence, reason), flush=True)


def done():
    print('1..%d' % counted)
    sys.exit(failed > 0)
