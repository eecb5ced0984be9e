# shellcheck shell=bash
# For scripts that try a program from outside and print TAP: source it, call check ... and finish.
#
#   run COMMAND ...          runs it; $status, $out (standard output), $err (standard error)
#   check NAME CONDITION...  one test: the condition is a command (test, grep, is, ...)
#   is STATUS MESSAGE        condition: the last run ended so, with exactly this on standard error

tests=0
failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() {
    status=0
    out=$("$@" 2>"$work/.err") || status=$?
    err=$(cat "$work/.err")
}

check() {
    local name=$1
    shift
    tests=$((tests + 1))
    if "$@"; then
        echo "ok $tests - $name"
    else
        failures=$((failures + 1))
        echo "not ok $tests - $name"
        printf 'failed: %s\n' "$*" | sed 's/^/# /'
        printf 'status %s\nout: %s\nerr: %s\n' "$status" "$out" "$err" | sed 's/^/# /'
    fi
}

is() {
    [ "$status" = "$1" ] && [ "$err" = "$2" ]
}

finish() {
    echo "1..$tests"
    exit $((failures > 0))
}
