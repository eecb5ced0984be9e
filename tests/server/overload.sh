#!/bin/bash
# Black-box tests of pix2pixd under more load than it can take: time limits, shares, memory.
# shellcheck source=tests/server/harness
. "$(dirname "$0")/harness"

flood() { # flood N MODEL-AND-FIELDS: requests of one client in the background; pids in $flood
    local i
    flood=()
    for ((i = 0; i < $1; i++)); do
        curl -s -m 120 -o "flood$i" -w '%{http_code}\n' -F image=@"$picture" "$t?$2" >"code$i" &
        flood+=($!)
    done
}
picture=large.png
until_waiting() { # until so many requests wait
    local i
    for ((i = 0; i < 500; i++)); do
        [ "$(metric pix2pixd_queue_depth)" -ge "$1" ] && return
        sleep 0.01
    done
    return 1
}

# --- time ------------------------------------------------------------------------------------------
start --max-batch 1 --request-deadline 300
t=$url/translate
# Warm: the rate is known, and every plan is made.
ask -F image=@large.png "$t?model=slow&fit=image"
late() {
    flood 6 'model=slow&fit=image'
    until_waiting 3 || return 1
    problem 50[34] . -F image=@large.png -H 'X-Request-Timeout-Ms: 50' "$t?model=slow&fit=image"
    [ "$(curl -s -o late -w '%{http_code} %{time_total}' -F image=@large.png -H 'X-Request-Timeout-Ms: 50' "$t?model=slow" | tee seconds | cut -c1-2)" = 50 ] || return 1
    cat seconds
    wait "${flood[@]}"
    [ "$(cat code? | sort -u)" = 200 ]
}
ok 'a request that cannot be answered in its time gets 503 or 504, and the others are answered' late
running() { # the picture alone takes longer than this
    problem 504 'within the request' -F image=@large.png -H 'X-Request-Timeout-Ms: 20' "$t?model=slow&fit=image" &&
        [ "$(metric 'pix2pixd_http_requests_total{route="/translate",code="504"}')" -ge 1 ]
}
ok 'a translation that runs is ended between layers when its time is over: 504' running
ok 'a malformed X-Request-Timeout-Ms: 400' problem 400 'milliseconds' -F image=@a.png -H 'X-Request-Timeout-Ms: 5s' "$t"
ok 'time that suffices is enough' expect 200 -F image=@a.png -H 'X-Request-Timeout-Ms: 60000' "$t"
stop

start --max-batch 1 --queue-seconds 0.5
t=$url/translate
"$make_picture" middle.png 256 256 2
picture=middle.png
ask -F image=@middle.png "$t?model=slow&fit=image"
bounded() {
    local seconds
    flood 30 'model=slow&fit=image'
    wait "${flood[@]}"
    flood 30 'model=slow&fit=image'
    until_waiting 7
    sleep 0.2
    seconds=$(curl -s -o refused -D heads -w '%{http_code}' -F image=@middle.png "$t?model=slow&fit=image")
    wait "${flood[@]}"
    cat code? code?? | sort | uniq -c
    [ "$seconds" != 503 ] || grep -qi '^retry-after: [1-9]' heads || return 1
    grep -q 503 code? code?? && grep -q 200 code? code??
}
ok '--queue-seconds bounds how many wait, and Retry-After says when to come back' bounded
stop

# --- memory ----------------------------------------------------------------------------------------
start --request-memory 8MiB --max-body 6MiB --max-pixels 16000000
t=$url/translate
"$make_picture" flat.png 1400 1400 0
too_much() { problem 422 'bytes of memory.*pixels' -F image=@flat.png "$t"; }
ok 'a picture that would take more than all of --request-memory: 422' too_much
fits() {
    local pixels side
    pixels=$(sed 's/.*at most \([0-9]*\) pixels.*/\1/' body)
    side=$(awk "BEGIN { print int(sqrt($pixels)) }")
    "$make_picture" side.png "$side" "$side" 0 && expect 200 -F image=@side.png "$t"
}
ok 'and one of as many pixels as the answer names is translated' fits
json_size() {
    head -c 1500000 /dev/zero | base64 -w0 >zeros
    printf '{"image":"%s"}' "$(cat zeros)" >large.json
    ask --data-binary @large.json -H 'Content-Type: application/json' "$t"
    [ "$status" = 422 ] && ! grep -q request-memory body
}
ok 'a JSON body that fits three times is taken' json_size
stop
start --request-memory 4MiB --max-body 3MiB
t=$url/translate
ok 'one that does not is refused with the remedy: 413' problem 413 'three times.*in a form' --data-binary @large.json -H 'Content-Type: application/json' "$t"
stop

done_testing
