#!/bin/bash
# Black-box tests of pix2pixd: models that come, change and go while it serves.
# shellcheck source=tests/server/harness
. "$(dirname "$0")/harness"

rm models/slow.safetensors
"$make_checkpoint" other.safetensors unet_32 4 3 3 77
head -c 100000 other.safetensors >cut.safetensors
put() { cp "$1" "models/.$2" && mv "models/.$2" "models/$2"; } # put FILE NAME: all of it at once
until_count() { # until_count RESULT N: reloads with that result
    local i
    for ((i = 0; i < 300; i++)); do
        [ "$(metric "pix2pixd_model_reloads_total{result=\"$1\"}")" -ge "$2" ] && return
        sleep 0.1
    done
    cat log
    return 1
}
names() { curl -s "$url/models" | grep -o '"name":"[^"]*"' | cut -d'"' -f4 | tr '\n' ' '; }

start --default-model colour
t=$url/translate
expect 200 -F image=@a.png "$t"
cp body first.png
added() {
    put other.safetensors new.safetensors && until_count changed 1 && [ "$(names)" = 'colour grey new ' ] &&
        expect 200 -F image=@a.png "$t?model=new" && cp body new.png && differ new.png first.png
}
ok 'a model that is put into the folder is served' added
replaced() { # under load
    local i pids=()
    for ((i = 0; i < 6; i++)); do
        (for ((n = 0; n < 40; n++)); do curl -s -m 60 -o /dev/null -w '%{http_code}\n' -F image=@a.png "$t"; done >"codes$i") &
        pids+=($!)
    done
    sleep 0.2
    put other.safetensors colour.safetensors
    until_count changed 2 || return 1
    wait "${pids[@]}"
    [ "$(cat codes? | sort -u)" = 200 ] || { sort codes? | uniq -c; return 1; }
    expect 200 -F image=@a.png "$t" && same body new.png
}
ok 'one that is replaced under load is exchanged without a failed request' replaced
bad() {
    put cut.safetensors colour.safetensors && until_count failed 1 || return 1
    [ "$(metric pix2pixd_model_reload_failed)" = 1 ] && grep -q 'error model colour stays the one before.*cut short' log &&
        expect 200 "$url/readyz" && expect 200 -F image=@a.png "$t" && same body new.png
}
ok 'a bad file leaves the model before in place, and is reported in log and metrics' bad
reported() {
    [ "$(metric 'pix2pixd_model_load_failed{name="colour"}')" = 1 ] && expect 200 "$url/models" &&
        grep -q '"name":"colour",[^}]*"last_error":"models/colour.safetensors: [^"]*cut short' body
}
ok 'and in /models, by name' reported
hashed() { # of what is served, not of what is there
    local sum
    sum=$(sha256sum <other.safetensors | cut -c1-64)
    grep -q "\"name\":\"colour\",[^}]*\"sha256\":\"$sum\"" body && curl -s "$url/metrics" | grep -q "^pix2pixd_model_info{name=\"colour\",.*sha256=\"$sum\"} 1" &&
        curl -s -D heads -o /dev/null -F image=@a.png "$t" && grep -qi "^x-model-sha256: $sum" heads
}
ok 'the SHA-256 of the file that is served is in /models, metrics and answers' hashed
mended() {
    put other.safetensors colour.safetensors && until_count changed 3 && [ "$(metric pix2pixd_model_reload_failed)" = 0 ] &&
        [ "$(metric 'pix2pixd_model_load_failed{name="colour"}')" = 0 ] && expect 200 "$url/models" && ! grep -q last_error body
}
ok 'a good one clears that' mended
truncated() {
    : >models/colour.safetensors
    until_count failed 2 || return 1
    expect 200 -F image=@a.png "$t" && same body new.png && expect 200 -F image=@b.jpg "$t?dropout=3"
}
ok 'one that is truncated in place is served on' truncated
new_sizes() { # oneDNN lays weights out by size, so these need weights that the file no longer has
    local side
    for side in 48 64 96 100 160 256; do
        "$make_picture" "side$side.png" $side $side 1
        expect 200 -F image=@"side$side.png" "$t?fit=image" || return 1
        cp body "$1$side.png"
    done
    [ "$(metric 'pix2pixd_http_requests_total{route="/translate",code="500"}')" = 0 ]
}
ok 'at new sizes, too' new_sizes truncated
scribbled() {
    cp other.safetensors models/colour.safetensors
    until_count changed 4 || return 1
    head -c "$(stat -c %s other.safetensors)" /dev/urandom | dd of=models/colour.safetensors conv=notrunc status=none
    until_count failed 3 || return 1
    expect 200 -F image=@a.png "$t" && new_sizes scribbled
}
ok 'so is one that is overwritten with other bytes of the same length' scribbled
removed() {
    rm models/new.safetensors models/colour.safetensors && put other.safetensors colour.safetensors && until_count changed 5 || return 1
    problem 404 'colour, grey' -F image=@a.png "$t?model=new"
}
ok 'one that is removed is not served any more' removed
title() { expect 200 "$url/models" && grep -q "\"name\":\"colour\",[^}]*\"title\":\"$1\"" body; }
card() { # without the model being loaded again
    local loaded
    loaded=$(grep -c 'model colour: .* loaded in' log)
    echo '{"title": "One"}' >models/colour.json && until_count changed 6 && title One || return 1
    [ "$(grep -c 'model colour: .* loaded in' log)" = "$loaded" ]
}
ok 'a .json that is put beside a model is passed on' card
bad_card() {
    echo '{"title": 1}' >models/colour.json && until_count failed 4 && title One &&
        grep -q 'error model colour stays the one before: models/colour.json: title: must be a string' log
}
ok 'a bad one leaves the one before in place' bad_card
card_gone() { rm models/colour.json && until_count changed 7 && ! title One; }
ok 'one that is removed is forgotten' card_gone
all_gone() {
    local i
    mkdir away && mv models/* away/ && until_count failed 5 && expect 200 -F image=@a.png "$t" && mv away/* models/
}
ok 'an empty folder changes nothing' all_gone
ok 'after all that SIGTERM ends the daemon with 0' stop

start --workers 2
t=$url/translate
both_plan() { # both workers make plans
    local i pids=()
    for i in 1 2 3 4 5 6 7 8; do
        curl -s -m 60 -o /dev/null -F image=@a.png "$t" &
        pids+=($!)
    done
    wait "${pids[@]}"
}
swaps() {
    local i
    for i in 1 2 3 4 5; do
        both_plan
        put other.safetensors colour.safetensors
        until_count changed "$i" || return 1
    done
    for ((i = 0; i < 100; i++)); do # no requests: nothing wakes the workers
        grep -q 'colour.safetensors (deleted)' "/proc/$pid/maps" || return 0
        sleep 0.1
    done
    grep 'colour.safetensors (deleted)' "/proc/$pid/maps"
    return 1
}
ok 'idle workers let go of models that were replaced' swaps
stop

start --watch off
t=$url/translate
same_sizes() {
    local side
    for side in 48 64 96 100 160 256; do
        expect 200 -F image=@"side$side.png" "$t?fit=image" && same body "truncated$side.png" && same body "scribbled$side.png" || return 1
    done
}
ok 'and the pictures of a model whose file was truncated or overwritten were right' same_sizes
on_signal() {
    put other.safetensors later.safetensors
    sleep 1.5
    [ "$(names)" = 'colour grey ' ] || return 1
    kill -HUP "$pid"
    until_count changed 1 && [ "$(names)" = 'colour grey later ' ]
}
ok 'without --watch SIGHUP reloads' on_signal
unchanged() { kill -HUP "$pid" && until_count unchanged 1; }
ok 'and says if nothing changed' unchanged
stop

ok 'without a folder of models --models is recommended' fails 1 'nowhere: cannot open the folder: .*; name the folder of models with --models' \
    "$pix2pixd" --log-level error --models nowhere --listen 127.0.0.1:0
cp cut.safetensors models/bad.safetensors
ok 'a bad model keeps the daemon from starting' fails 1 bad.safetensors "$pix2pixd" --log-level error --models models --listen 127.0.0.1:0
skipped() {
    start --skip-bad-models && expect 200 "$url/models" && grep -q '"failed":\[{"name":"bad","last_error":"[^"]*cut short' body &&
        [ "$(metric 'pix2pixd_model_load_failed{name="bad"}')" = 1 ] && [ "$(metric 'pix2pixd_model_load_failed{name="colour"}')" = 0 ] &&
        rm models/bad.safetensors && until_count unchanged 1 && [ "$(names)" = 'colour grey later ' ] && grep -q 'left out.*bad.safetensors' log && stop
}
ok 'but with --skip-bad-models it serves the others' skipped

done_testing
