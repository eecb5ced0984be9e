#!/bin/bash
# Black-box tests of pix2pixd at its limits: too much, too slow, ambiguous, too late.
# shellcheck source=tests/server/harness
. "$(dirname "$0")/harness"

# --- limits --------------------------------------------------------------------------------------
start --max-body 64KiB --max-pixels 10000 --max-side 200 --queue 1 --max-batch 1 --memory-limit 48MiB
t=$url/translate
head -c 100000 /dev/zero >long
head -c 3000000 /dev/zero >longer
over() { problem 413 "$1" -H 'Content-Type: image/png' --data-binary @long "${@:2}" "$t"; }
ok 'a body over the limit: 413 with the limit' over 65536
ok 'a chunked body over the limit: 413' over 65536 -H 'Transfer-Encoding: chunked'
early() {
    problem 413 limit -H 'Content-Type: image/png' -H 'Expect: 100-continue' --data-binary @longer "$t" &&
        [ "$(curl -s -o body -w '%{size_upload}' -H 'Content-Type: image/png' -H 'Expect: 100-continue' --data-binary @longer "$t")" = 0 ]
}
ok 'a client that expects 100 Continue hears 413 before it sends anything' early
"$make_picture" wide.png 201 20 1
"$make_picture" many.png 101 100 1
ok 'a picture wider than --max-side: 422' problem 422 200 -F image=@wide.png "$t"
ok 'a picture of more than --max-pixels: 422' problem 422 10000 -F image=@many.png "$t"
busy() {
    local i pids=()
    for ((i = 0; i < 40; i++)); do
        curl -s -m 60 -o "busy$i" -D "head$i" -F image=@a.png "$t?model=slow" &
        pids+=($!)
    done
    wait "${pids[@]}"
    cat head? head?? >heads
    grep -q '^HTTP/1.1 200' heads && grep -q '^HTTP/1.1 503' heads && grep -qi '^retry-after: [1-9]' heads &&
        ! grep '^HTTP/1.1 [^25]' heads && [ "$(metric 'pix2pixd_rejected_total{reason="queue_full"}')" -ge 1 ]
}
ok 'a full queue: 503 with Retry-After, and the others are answered' busy
ok 'after all that SIGTERM ends the daemon with 0' stop

# --- stopping ------------------------------------------------------------------------------------
start --max-batch 1 --stop-timeout 300 --drain-delay 300
t=$url/translate
# Eight pictures that keep the slow model at work for some seconds, but none of them alone for as long as a
# daemon without --stop-timeout waits for its workers (5 s): with a sanitizer they are smaller.
"$make_picture" quarter.png 256 256 3
until_loaded
quarter() { curl -s -m 60 -o body -w '%{time_total}' -F image=@quarter.png "$t?model=slow&fit=image"; }
quarter >why # plans it
case $(quarter) in 0.[0-4]*) under_way=large.png ;; *) under_way=quarter.png ;; esac
wait_for() { # until so many translations were admitted
    for ((i = 0; i < 1000; i++)); do
        [ "$(metric pix2pixd_body_bytes_count)" -ge "$1" ] && break
        sleep 0.01
    done
}
eight() { # eight PREFIX SECONDS: under way are eight slow pictures, for which clients wait as long; fills $pids and code?
    local i before
    before=$(metric pix2pixd_body_bytes_count)
    for ((i = 0; i < 8; i++)); do
        curl -s -m "$2" -o "$1$i" -w '%{http_code}\n' -F image=@$under_way "$url/translate?model=slow&fit=image" >"code$i" &
        pids+=($!)
    done
    wait_for $((before + 8))
}
drain() {
    local i pids=()
    eight drain 300
    kill -TERM "$pid"
    for ((i = 0; i < 200; i++)); do grep -q 'not ready any more' log && break; sleep 0.01; done
    problem 503 stopping "$url/readyz" && header 'connection: close' || return 1
    expect 200 "$url/livez" || return 1
    expect 200 -F image=@a.png "$t" && header 'connection: close' || return 1
    [ "$(metric pix2pixd_ready) $(metric pix2pixd_draining)" = '0 1' ] || return 1
    kill -TERM "$pid"
    wait "${pids[@]}"
    [ "$(cat code? | sort -u)" = 200 ] || { cat code?; return 1; }
}
ok 'on SIGTERM /readyz says 503 while all is served, with Connection: close; on a second one what is under way is answered' drain
ended() { wait "$pid"; }
ok 'and then the daemon ends with 0' ended
refused() { ! curl -s -m 5 "$url/readyz"; }
ok 'and its port is closed' refused

start --max-batch 1 --queue-seconds 0 --stop-timeout 200
late() { # a request on a connection from before, while others are under way
    local i pids=() port=${url##*:} line
    until_loaded || return 1
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    eight late 300
    kill -TERM "$pid"
    for ((i = 0; i < 500; i++)); do curl -s -o /dev/null -m 5 "$url/livez" || break; sleep 0.01; done
    { printf 'POST /translate HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n' \
        "$(stat -c %s a.png)" && cat a.png; } >&3
    timeout 250 cat <&3 >answer # to the end of the connection
    exec 3>&-
    read -r line <answer
    cat answer
    wait "${pids[@]}" "$pid"
    [ "$(cat code? | sort -u)" = 200 ] && [ "${line:0:12}" = 'HTTP/1.1 200' ]
}
ok 'while it stops, a request on a connection from before is answered like others, and the connection closed' late

start --drain-delay 1
drain_over() {
    kill -TERM "$pid"
    SECONDS=0
    wait "$pid" && [ "$SECONDS" -ge 1 ] && [ "$SECONDS" -lt 30 ]
}
ok 'without a second signal serving ends after --drain-delay' drain_over

start --max-batch 1
ignored() {
    local name
    for name in USR1 USR2 ALRM PIPE; do kill "-$name" "$pid"; done
    sleep 0.1
    expect 200 -F image=@a.png "$url/translate"
}
ok 'USR1, USR2, ALRM and PIPE do nothing' ignored
started() { until_loaded && expect 200 "$url/startupz" && expect 200 "$url/livez"; }
ok '/startupz and /livez say ok' started
stop

# A worker thread that no longer runs: in a frozen control group of its own, where this can be made.
freezer=/sys/fs/cgroup/freezer/pix2pixd-test-$$
if mkdir "$freezer" 2>/dev/null; then
    start --default-model slow --max-batch 1 --request-deadline 1 --stop-timeout 0
    until_loaded
    t=$url/translate
    ask -F image=@large.png "$t?model=slow&fit=image" # perhaps too late
    stuck() {
        local i asker worker
        curl -s -m 300 -o gone -F image=@large.png "$t?model=slow&fit=image" &
        asker=$!
        for ((i = 0; i < 500; i++)); do
            [ "$(metric 'pix2pixd_inflight{stage="infer"}')" = 1 ] && break
            sleep 0.01
        done
        # The busiest of its threads is the worker.
        worker=$(for task in "/proc/$pid/task/"*; do echo "$(awk '{ print $14 + $15 }' "$task/stat") ${task##*/}"; done | sort -rn | head -n 1 | cut -d' ' -f2)
        echo "$worker" >"$freezer/tasks" && echo FROZEN >"$freezer/freezer.state" || return 1
        for ((i = 0; i < 100; i++)); do
            ask "$url/livez"
            [ "$status" = 503 ] && break
            sleep 0.1
        done
        grep -q stuck body || { cat body; return 1; }
        kill -TERM "$pid"
        SECONDS=0
        for ((i = 0; i < 300; i++)); do grep -q 'ends without it' log && break; sleep 0.1; done
        echo THAWED >"$freezer/freezer.state" # a frozen thread cannot even be killed
        wait "$pid"
        i=$?
        kill "$asker" 2>/dev/null
        echo "status $i after $SECONDS s"
        [ "$i" = 1 ] && [ "$SECONDS" -lt 30 ]
    }
    ok 'a stuck worker turns /livez to 503, and does not outlive --stop-timeout for long' stuck
    echo THAWED >"$freezer/freezer.state"
    rm -f gone
    for ((i = 0; i < 50; i++)); do rmdir "$freezer" 2>/dev/null && break; sleep 0.1; done
fi

start --max-batch 1 --stop-timeout 0
until_loaded # else all wait for the model, and none runs
t=$url/translate
cancel() {
    local pids=()
    eight cancel 60
    kill -INT "$pid"
    wait "$pid" || return 1
    wait "${pids[@]}"
    [ "$(cat code? | sort -u | tr '\n' ' ')" = "200 503 " ] || { cat code?; return 1; }
}
ok 'without --stop-timeout what waits gets 503, what runs is answered, and the end is 0' cancel

start --memory-limit 24MiB --batch-delay-us 1000000
t=$url/translate
lone() {
    local seconds
    seconds=$(curl -sf -m 60 -o body -w '%{time_total}' -F image=@a.png "$t") || return 1
    echo "$seconds s"
    [ "${seconds%.*}" = 0 ]
}
ok 'a lone request does not wait out --batch-delay-us' lone
ok 'a picture whose plan is over --memory-limit: 422' problem 422 'too large.*24 MiB' -F image=@large.png "$t?model=slow&fit=image"
remedy() {
    local size
    size=$(sed 's/.*send at most \([0-9]*\)x\([0-9]*\) .*/\1 \2/' body)
    # shellcheck disable=SC2086 # two numbers
    "$make_picture" fits.png $size 3 && expect 200 -F image=@fits.png "$t?model=slow&fit=image" && png_size body $size
}
ok 'and the size that the answer names is one that is translated' remedy
ok 'and with fit=scale it is answered' expect 200 -F image=@large.png "$t?model=slow&fit=scale"
stop

# --- memory --------------------------------------------------------------------------------------
start --max-body 1MiB --request-memory 1MiB
"$make_picture" middle.png 200 200 1
bodies() {
    local i
    exec 3<>"/dev/tcp/127.0.0.1/${url##*:}"
    printf 'POST /translate HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 1000000\r\n\r\n' >&3
    head -c 999999 /dev/zero >&3
    for ((i = 0; i < 200; i++)); do
        [ "$(metric 'pix2pixd_memory_bytes{part="bodies"}')" = 999999 ] && break
        sleep 0.01
    done
    problem 503 'request-memory' -H 'Content-Type: image/png' --data-binary @middle.png "$url/translate" || return 1
    [ "$(metric 'pix2pixd_rejected_total{reason="memory"}')" = 1 ] || return 1
    [ "$(metric 'pix2pixd_rejected_total{reason="queue_full"}')" = 0 ] || return 1
    exec 3<&-
    for ((i = 0; i < 200; i++)); do
        [ "$(metric 'pix2pixd_memory_bytes{part="bodies"}')" = 0 ] && break
        sleep 0.01
    done
    expect 200 -H 'Content-Type: image/png' --data-binary @middle.png "$url/translate"
}
ok 'bodies over --request-memory: 503, until others are gone' bodies
head -c 900000 /dev/zero >most
refused_body() { # over the limit, in chunks, and not at its end
    local i
    exec 3<>"/dev/tcp/127.0.0.1/${url##*:}"
    printf 'POST /translate HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n' >&3
    { printf 'dbba0\r\n' && cat most && printf '\r\n'; } >&3
    for ((i = 0; i < 200; i++)); do
        [ "$(metric 'pix2pixd_memory_bytes{part="bodies"}')" -ge 900000 ] && break
        sleep 0.01
    done
    [ "$i" -lt 200 ] || return 1
    { printf 'dbba0\r\n' && cat most && printf '\r\n'; } >&3
    for ((i = 0; i < 200; i++)); do
        [ "$(metric 'pix2pixd_memory_bytes{part="bodies"}')" = 0 ] && break
        sleep 0.01
    done
    expect 200 -H 'Content-Type: image/png' --data-binary @middle.png "$url/translate"
    i=$?
    exec 3<&-
    return $i
}
ok 'a body that is refused is not held while the rest of it comes' refused_body
stop

start --max-batch 1 --max-body 20MiB
"$make_picture" huge.png 1536 1536 3
unread() { # the answer is larger than what the sockets hold
    local i
    exec 3<>"/dev/tcp/127.0.0.1/${url##*:}"
    printf 'POST /translate?model=colour&fit=image HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n' "$(stat -c %s huge.png)" >&3
    cat huge.png >&3
    for ((i = 0; i < 1000; i++)); do
        [ "$(metric 'pix2pixd_stage_duration_seconds_count{stage="encode"}')" = 1 ] && break
        sleep 0.01
    done
    for ((i = 0; i < 200; i++)); do
        [ "$(metric 'pix2pixd_memory_bytes{part="bodies"}')" = 0 ] && break
        sleep 0.01
    done
    [ "$i" -lt 200 ] && [ "$(metric 'pix2pixd_http_requests_total{route="/translate",code="200"}')" = 0 ]
    i=$?
    exec 3<&-
    return $i
}
ok 'nor is one while its answer is taken slowly' unread
stop

# The demo model, at sizes it was not trained on; each is planned again after the others drove it out.
mkdir demo && cp "$PX_TESTS/../deploy/models/sketch2house.safetensors" demo
start --models demo --memory-limit 96MiB --request-memory 32MiB --max-batch 2
for size in '512 512' '1024 768' '333 777'; do
    # shellcheck disable=SC2086 # two numbers
    "$make_picture" "${size/ /x}.png" $size 5
done
sizes() {
    local round size
    for round in 1 2 3; do
        for size in 512x512 1024x768 333x777; do
            expect 200 -F image=@$size.png "$url/translate?fit=image" || return 1
            # shellcheck disable=SC2086 # two numbers
            [ $round != 1 ] || { png_size body ${size/x/ } && mv body $size.first; } || return 1
            [ $round = 1 ] || same body $size.first || return 1
        done
    done
}
ok 'the demo model answers 512x512, 1024x768 and 333x777, the same every time' sizes
announced() {
    local most rss
    most=$(sed -n 's/.*memory at most \([0-9]*\) MiB.*/\1/p' log)
    rss=$(sed -n 's/VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status")
    echo "$most MiB announced, $((rss / 1024)) MiB resident; $(grep memory log)"
    [ "$most" -ge $((96 + 2 * 32)) ] && [ "$(metric 'pix2pixd_memory_bytes{part="plans"}')" -le $((96 << 20)) ] || return 1
    # Beside it there are the program, its libraries and stacks. A sanitizer keeps much more.
    [ -n "${ASAN_OPTIONS-}" ] || [ $((rss / 1024)) -le $((most + 40)) ]
}
ok 'and the memory in use stays below what was announced' announced
stop

# --- on the wire -----------------------------------------------------------------------------------
# A client that speaks as it likes: the requests of curl are too good.
tell() { # tell BYTES: the answer, until the daemon closes
    (
        trap '' PIPE
        exec 3<>"/dev/tcp/127.0.0.1/${url##*:}"
        printf '%b' "$1" >&3
        timeout 5 cat <&3 >body
    )
}
framing() { # framing PATTERN HEADER [VERSION]: refused, and nothing behind it is read
    local pattern=$1 # of our reason; libmicrohttpd from 1.0 on refuses some by itself, in HTML
    tell "POST /translate HTTP/${3-1.1}\\r\\nHost: localhost\\r\\nContent-Type: image/png\\r\\n$2\\r\\n\\r\\n0\\r\\n\\r\\nGET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"
    if [ "$(grep -c '^HTTP/' body)" != 1 ] || ! grep -q '^HTTP/1.1 400' body || ! grep -qi '^connection: close' body ||
        ! grep -Eq "\"status\":400,\"detail\":\".*$pattern|<html>.*Transfer-Encoding" body; then
        cat body
        return 1
    fi
}
start --request-timeout 1 --idle-timeout 2 --max-batch 1
t=$url/translate
ok 'Content-Length beside Transfer-Encoding: 400, and the connection is closed' framing 'contradict' 'Content-Length: 5\r\nTransfer-Encoding: chunked'
ok 'two lengths: 400, and the connection is closed' framing 'Content-Length comes twice' 'Content-Length: 0\r\nContent-Length: 0'
ok 'another Transfer-Encoding than chunked: 400, and the connection is closed' framing 'gzip' 'Transfer-Encoding: gzip'
ok 'Transfer-Encoding in HTTP/1.0: 400, and the connection is closed' framing 'HTTP/1.0' 'Transfer-Encoding: chunked' 1.0
ok 'two hosts: 400, and the connection is closed' framing 'Host comes twice' 'Host: b'
ok 'a header whose name is no token: 400, and the connection is closed' framing 'token' 'A(b: c'
drip() { # drip HEAD: then a byte five times a second, until the connection is gone
    (
        trap '' PIPE
        exec 3<>"/dev/tcp/127.0.0.1/${url##*:}"
        printf '%b' "$1" >&3
        for ((sent = 0; sent < 100; sent++)); do
            printf x >&3 || break
            read -r -t 0.2 -n 1 <&3
            [ $? = 1 ] && break # the end; more than 128: only the time is over
        done 2>/dev/null
        echo "$sent bytes"
        [ "$sent" -ge 3 ] && [ "$sent" -lt 100 ]
    )
}
slow_body() { drip 'POST /translate HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\n'; }
ok 'a client that sends its body too slowly is disconnected' slow_body
slow_header() { drip 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: '; }
ok 'so is one that sends its header too slowly' slow_header
ok 'and both are counted' test "$(metric 'pix2pixd_rejected_total{reason="slow"}')" = 2
"$make_picture" huge.png 1536 1536 3
patient() { # the daemon sleeps over the deadline, with the request in its hands
    local before i asker
    before=$(metric pix2pixd_body_bytes_count)
    curl -s -m 120 -o slow -w '%{http_code}' -F image=@huge.png "$t?model=slow&fit=image" >code &
    asker=$!
    wait_for $((before + 1))
    kill -STOP "$pid"
    sleep 1.5
    kill -CONT "$pid"
    wait "$asker"
    cat code
    [ "$(cat code)" = 200 ]
}
ok 'a client that waits for its answer for longer is not' patient
stop

# --- starting ------------------------------------------------------------------------------------
ok 'a --memory-limit below one picture of a model: ends with 2' fails 2 'memory-limit.*slow.*128x128' \
    "$pix2pixd" --log-level error --models models --dtype f32 --memory-limit 1MiB --listen 127.0.0.1:0
ok 'and --check-config says so' fails 2 'memory-limit' "$pix2pixd" --log-level error --models models --dtype f32 --memory-limit 1MiB --check-config
ok 'a --request-memory below --max-body: ends with 2' fails 2 'request-memory' "$pix2pixd" --log-level error --models models --request-memory 1MiB --check-config
early_end() {
    : >address
    : >log
    "$make_checkpoint" big.safetensors unet_256 64 3 3 4 && mkdir big && mv big.safetensors big/ || return 1
    "$pix2pixd" --listen 127.0.0.1:0 --models big --threads-per-worker 1 --dtype f32 --max-batch 64 >address 2>log &
    pid=$!
    daemons+=("$pid")
    for ((i = 0; i < 6000; i++)); do grep -q 'info CPUs' log && break; sleep 0.005; done
    kill -TERM "$pid"
    wait "$pid" && [ ! -s address ] && grep -q 'before it was ready' log
}
ok 'SIGTERM while the models are warmed ends the daemon at once, with 0' early_end

if grep -qs . /proc/net/if_inet6; then
    start --listen= --listen '[::1]:0'
    six() { grep -Eq '^http://\[::1\]:[1-9][0-9]*$' address && "$pix2pixd" --health "$url"; }
    ok 'an IPv6 address is listened on and printed in brackets' six
    stop
fi

done_testing
