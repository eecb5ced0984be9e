#!/bin/sh
# translate.sh URL IN.png OUT.png: translates a picture with curl.
set -eu
curl -sS --fail-with-body --data-binary @"$2" -H 'Content-Type: image/png' -o "$3" "$1/translate" || {
    cat "$3" >&2 # the problem, as JSON
    rm -f "$3"
    exit 1
}
