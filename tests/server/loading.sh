#!/bin/bash
# Black-box tests of pix2pixd: it serves with its default model, while the others are still loaded.
# shellcheck source=tests/server/harness
. "$(dirname "$0")/harness"

# The daemon is ready with `first`. The others are alike and take a while each: thirteen turns.
rm models/*
"$make_checkpoint" models/first.safetensors unet_32 4 3 3 1 &&
    "$make_checkpoint" big.safetensors unet_256 32 3 3 2 &&
    "$make_checkpoint" huge.safetensors unet_256 64 3 3 3 || exit 1
put() { cp "$1" "models/.$2" && mv "models/.$2" "models/$2"; } # put FILE NAME: all of it at once
for i in b c d e f g h i j k l m z; do ln big.safetensors "models/$i.safetensors"; done
state() { # state NAME [BODY]: as /models, or the body of an answer of it, says
    [ $# = 2 ] || expect 200 "$url/models" || return 1
    grep -o "\"name\":\"$1\",[^}]*\"state\":\"[a-z]*\"" body | sed 's/.*"state":"//; s/"//'
}

start --default-model first
t=$url/translate
ready_first() {
    expect 200 "$url/readyz" && problem 503 "still being loaded" "$url/startupz" && [ "$(state first)" = ready ] &&
        [ "$(state z)" = loading ] && [ "$(grep -o '"state":"loading"' body | wc -l)" -gt 2 ]
}
ok 'it is ready with its default model, while others are still loaded' ready_first
listed() { # without the hash of a file that is still to be read
    ! grep -q '"name":"z",[^}]*"sha256"' body && grep -q '"name":"first",[^}]*"sha256":"[0-9a-f]*"' body &&
        [ "$(metric 'pix2pixd_model_ready{name="first"}')" = 1 ] && [ "$(metric 'pix2pixd_model_ready{name="z"}')" = 0 ] &&
        curl -s "$url/metrics" | grep -q '^pix2pixd_model_info{name="first",' && ! curl -s "$url/metrics" | grep -q '^pix2pixd_model_info{name="z",'
}
ok 'and says so in /models and metrics' listed
v2() { expect 503 "$url/v2/models/z/ready" && grep -q 'still being loaded' body && header 'retry-after: 1' && expect 200 "$url/v2/models/first/ready"; }
ok 'and in /v2/models/NAME/ready' v2
stop

start --default-model first
t=$url/translate
waits() {
    local sum
    sum=$(sha256sum <big.safetensors | cut -c1-64)
    expect 200 -F image=@a.png "$t?model=z" && header "x-model-sha256: $sum" || return 1
    expect 200 "$url/models" && [ "$(state z body)" = ready ] && [ "$(state m body)" = loading ]
}
ok 'a request for a model that is still to come waits for it, and has it loaded next' waits
stop

start --default-model first
t=$url/translate
not_in_the_way() { expect 200 -F image=@a.png "$t" && [ "$(state m)" = loading ]; }
ok 'one for the default model does not wait for others' not_in_the_way
late() { problem 504 "was not ready within the request's 0.0 s" -H 'X-Request-Timeout-Ms: 1' -F image=@a.png "$t?model=m"; }
ok 'one that has no time for that gets 504' late
stop
at_once() { start --default-model first && stop && ! grep -q 'all models are loaded' log; }
ok 'SIGTERM while models are loaded does not wait for them' at_once

start --default-model first
hung_up() { # nothing is loaded twice, and nothing forgotten
    kill -HUP "$pid" && until_loaded && [ "$(metric 'pix2pixd_model_reloads_total{result="unchanged"}')" = 1 ] &&
        [ "$(grep -c 'model [a-z]*: .* loaded in' log)" = 14 ] && [ "$(state m)" = ready ] && grep -q 'all models are loaded' log
}
ok 'SIGHUP in between changes nothing' hung_up
ok 'after that SIGTERM ends the daemon with 0' stop

rm models/?.safetensors
ln huge.safetensors models/huge.safetensors
ln big.safetensors models/z.safetensors
removed() { # while the one before it is loaded
    start
    curl -s -m 60 -o late -w '%{http_code}' -F image=@a.png "$url/translate?model=z" >code &
    local asking=$!
    sleep 0.05
    rm models/z.safetensors
    wait "$asking"
    if [ "$(cat code)" != 503 ] || ! grep -q 'replaced or removed' late; then
        cat code late
        return 1
    fi
    until_loaded && problem 404 'first, huge' -F image=@a.png "$url/translate?model=z" && stop
}
ok 'a request for a model that is removed before it is loaded gets 503' removed

# A NaN is found only when the weights are read.
python3 - <<'EOF' || exit 1
data = bytearray(open('huge.safetensors', 'rb').read())
data[-4:] = b'\0\0\xc0\x7f'
open('models/nan.safetensors', 'wb').write(data)
EOF
left_out() {
    start
    # It is tried twice, and all the while /startupz must not say that all is well.
    while expect 503 "$url/startupz" && ! grep -q 'could not be loaded' body; do :; done
    until curl -s "$url/models" | grep -q '"failed":\[{"name":"nan"'; do expect 503 "$url/startupz" || return 1; done
    [ "$(metric 'pix2pixd_model_load_failed{name="nan"}')" = 1 ] || return 1
    expect 200 "$url/readyz" && expect 200 "$url/models" && grep -q '"failed":\[{"name":"nan","last_error":"models/nan.safetensors: [^"]*NaN' body &&
        grep -q 'error a model cannot be served: models/nan.safetensors: .*NaN' log && problem 404 'first, huge' -F image=@a.png "$url/translate?model=nan"
}
ok 'one whose weights turn out to be bad is left out and reported' left_out
ok 'and /startupz stays 503 for that, so that a rollout stops' problem 503 "model 'nan' could not be loaded: .*NaN" "$url/startupz"
mended() { put big.safetensors nan.safetensors && until_loaded && [ "$(state nan)" = ready ] && stop; }
ok 'until a good one replaces it' mended
first_bad() { python3 - <<'EOF' && fails 1 'models/a.safetensors: .*NaN' "$pix2pixd" --log-level error --models models --listen 127.0.0.1:0; }
data = bytearray(open('models/first.safetensors', 'rb').read())
data[-4:] = b'\0\0\xc0\x7f'
open('models/a.safetensors', 'wb').write(data)
EOF
ok 'a bad default model keeps the daemon from starting' first_bad
skips() { start --skip-bad-models && until_loaded && expect 200 "$url/models" && grep -q '"failed":\[{"name":"a",' body && stop; }
ok 'but not with --skip-bad-models' skips

done_testing
