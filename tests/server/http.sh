#!/bin/bash
# Black-box tests of pix2pixd, the real binary on a free port, asked with curl: answers, bad requests,
# metrics, the page, concurrency, options.
# shellcheck source=tests/server/harness
. "$(dirname "$0")/harness"

mkdir empty broken wide
"$make_checkpoint" wide/wide.safetensors unet_32 4 6 3 4 || exit 1
head -c 2000 a.png >cut.png
head -c 100000 models/colour.safetensors >broken/cut.safetensors
# A PNG of 65 bytes that declares 60000x60000 pixels.
base64 -d >bomb.png <<'BOMB'
iVBORw0KGgoAAAANSUhEUgAA6mAAAOpgCAIAAAAPsOIVAAAACElEQVR42gMAAAAAAW/dyZEAAAAASUVORK5CYII=
BOMB
printf '{"image":"%s","fit":"image","dropout":7}' "$(base64 -w0 a.png)" >a.json
printf '{"image":"data:image/png;base64,%s"}' "$(base64 -w0 a.png)" >url.json

# --- answers -----------------------------------------------------------------------------------
start --default-model colour --allow-host pictures.example
t=$url/translate
ok 'the daemon prints the address it listens on' grep -Eq '^http://127\.0\.0\.1:[1-9][0-9]*$' address
health() { expect 200 "$url/$1" && grep -qx '{"status":"ok"}' body; }
ok '/healthz says ok' health healthz
ok '/readyz says ok once the daemon listens' health readyz
unhashed() { sed 's/"sha256":"[0-9a-f]\{64\}",//g; s/"state":"ready",//g' body; } # models.sh looks at the hashes
models() {
    expect 200 "$url/models" && unhashed | grep -qF '{"models":[{"name":"colour","architecture":"unet_32","size":32,"input_nc":3,"output_nc":3,"norm":"batch","dtype":"f32","default":true},{"name":"grey",'
}
ok '/models lists what the folder holds' models
proxied() { expect 200 -x "$url" http://pictures.example/models && grep -q '"colour"' body; }
ok 'the whole URL as the target, as proxies send it, means its path' proxied

upload() { expect 200 -F image=@a.png "$t" && header 'content-type: image/png' && png_size body 32 32 && mv body form.png; }
ok 'a form with a file is answered with a PNG of the training size' upload
raw() { expect 200 --data-binary @a.png -H 'Content-Type: image/png' "$t" && same body form.png; }
ok 'the same picture as raw bytes gives the same answer' raw
sniffed() { expect 200 --data-binary @a.png -H 'Content-Type: application/octet-stream' "$t" && same body form.png; }
ok 'application/octet-stream is told by its bytes' sniffed
in_json() { expect 200 --data-binary @url.json -H 'Content-Type: application/json' "$t" && same body form.png; }
ok 'a data: URL in JSON gives the same answer' in_json
chunked() { expect 200 --data-binary @a.png -H 'Content-Type: image/png' -H 'Transfer-Encoding: chunked' "$t" && same body form.png; }
ok 'a chunked body gives the same answer' chunked
jpeg_in() { expect 200 --data-binary @b.jpg -H 'Content-Type: image/jpeg' "$t" && png_size body 32 32 && differ body form.png; }
ok 'a JPEG is taken as well' jpeg_in
other_field() { expect 200 -F model=colour -F photo=@a.png "$t" && same body form.png; }
ok 'a file in another field is taken where there is no field image' other_field
grey() { expect 200 -F image=@a.png -F model=grey "$t" && png_size body 32 32 0; }
ok 'model chooses the model; one output channel gives a grey picture' grey
safe() { expect 200 -F image=@a.png "$t" && header 'x-content-type-options: nosniff' && header 'cache-control: no-store'; }
ok 'answers are neither sniffed nor stored' safe
reuse() {
    curl -s -o one -o two -w '%{num_connects}' -F image=@a.png "$t" --next -s -o two -w '%{num_connects}' -F image=@a.png "$t" >connects
    [ "$(cat connects)" = 10 ] && same one form.png && same two form.png
}
ok 'a connection serves several requests' reuse

accept() { expect 200 -F image=@a.png -H "Accept: $1" "$t" && header "content-type: $2"; }
ok 'Accept: image/jpeg gives a JPEG' accept image/jpeg image/jpeg
accept_twice() { expect 200 -F image=@a.png -H 'Accept: text/html' -H 'Accept: image/jpeg' "$t" && header 'content-type: image/jpeg'; }
ok 'two Accept headers count as one list' accept_twice
format() { expect 200 -F image=@a.png -F format=jpeg "$t" && header 'content-type: image/jpeg' && is_jpeg body; }
ok 'format=jpeg gives a JPEG' format
quality() {
    expect 200 -F image=@a.png "$t?format=jpeg&quality=10" && mv body low &&
        expect 200 -F image=@a.png "$t?format=jpeg&quality=95" && [ "$(stat -c %s low)" -lt "$(stat -c %s body)" ]
}
ok 'quality makes a JPEG smaller or larger' quality
fast() {
    expect 200 -F image=@a.png "$t?png=small" && mv body small && expect 200 -F image=@a.png "$t?png=fast" && mv body fast.png &&
        [ "$(stat -c %s small)" -lt "$(stat -c %s fast.png)" ] && expect 200 -F image=@small "$t?png=fast" && mv body of-small &&
        expect 200 -F image=@fast.png "$t?png=fast" && cmp body of-small
}
ok 'png=fast is a larger file of the same pixels' fast
wrapped() {
    accept application/json application/json &&
        grep -Eq '^\{"id":"[0-9a-f]{16}","model":"colour","width":32,"height":32,"format":"png","mime":"image/png","image":"[A-Za-z0-9+/]+=*","timings":\{"queue_ms":[0-9.]+,"decode_ms":[0-9.]+,"infer_ms":[0-9.]+,"encode_ms":[0-9.]+\}\}$' body &&
        sed 's/.*"image":"\([^"]*\)".*/\1/' body | base64 -d >inner && same inner form.png
}
ok 'Accept: application/json wraps the same picture, with timings' wrapped
fields() {
    expect 200 -F image=@a.png "$t?fit=image&dropout=7" && mv body query &&
        expect 200 -F image=@a.png -F fit=image -F dropout=7 "$t" && same body query &&
        expect 200 --data-binary @a.json -H 'Content-Type: application/json' "$t" && same body query
}
ok 'fields mean the same as query, form field and JSON key' fields
agreeing() { expect 200 -F image=@a.png -F fit=model "$t?fit=model&fit=model" && same body form.png; }
ok 'a field given twice with the same value is taken' agreeing
dropout() {
    local m="$t?model=slow"
    expect 200 -F image=@a.png "$m" && mv body plain &&
        expect 200 -F image=@a.png "$m&dropout=off" && same body plain &&
        expect 200 -F image=@a.png "$m&dropout=1" && mv body one && differ one plain &&
        expect 200 -F image=@a.png "$m&dropout=1" && same body one &&
        expect 200 -F image=@a.png "$m&dropout=2" && differ body one
}
ok 'dropout is off unless a seed is given, and the seed fixes it' dropout
fit_image() { expect 200 -F image=@a.png "$t?fit=image" && png_size body 48 40 && mv body own; }
ok 'fit=image answers at the size of the picture' fit_image
fit_scale() { expect 200 -F image=@a.png "$t?fit=scale" && png_size body 48 40 && differ body own; }
ok 'fit=scale scales the answer to the size of the picture' fit_scale

# --- bad requests --------------------------------------------------------------------------------
json() { problem "$1" "$2" --data-binary "$3" -H 'Content-Type: application/json' "$t"; }
ok 'malformed JSON: 400' json 400 'line 1' '{"image":'
ok 'a JSON body without a byte: 400 that says so' json 400 'is empty' ''
ok 'a JSON number over 2^63: 400 that says to write it as a string' json 400 'as a string' '{"image":"YQ==","dropout":18446744073709551615}'
ok 'JSON without a picture: 400' json 400 "'image'" '{}'
ok 'a JSON key given twice: 400' json 400 JSON '{"image":"YQ==","image":"YQ=="}'
ok 'malformed base64: 400' json 400 "'image'" '{"image":"a*b="}'
ok 'an unknown JSON key: 400 that names it' json 400 "'colour'" '{"image":"YQ==","colour":1}'
ok 'a picture under another key: 400 that says which it belongs to' json 400 "picture as 'image'" '{"img":"YQ=="}'
form() { problem 400 "$1" -H 'Content-Type: multipart/form-data; boundary=XX' --data-binary "$2" "$t"; }
ok 'a form that was cut short: 400' form 'cut short' $'--XX\r\nContent-Disposition: form-data; name=image; filename=a\r\n\r\nabc'
ok 'a form with another boundary: 400' form boundary $'--YY\r\n\r\n--YY--'
ok 'a form without boundary: 400' problem 400 boundary -H 'Content-Type: multipart/form-data' --data-binary x "$t"
ok 'a form without a file: 400' problem 400 'no file' -F model=colour "$t"
ok 'two files named image: 400' problem 400 two -F image=@a.png -F image=@b.jpg "$t"
field() { problem 400 "$1" -F image=@a.png "$t?$2"; }
ok 'an unknown query parameter: 400 that names it' field "'size'" size=3
ok 'an unknown form field: 400 that names it' problem 400 "'size'" -F image=@a.png -F size=3 "$t"
ok 'a quality out of range: 400 with the range' field '1.*100' quality=101
ok 'an unknown fit: 400 with the choices' field '"fit: .crop. is not known, allowed: model|image|scale"' fit=crop
ok 'a dropout that is no seed: 400' field dropout dropout=-1
ok 'a field given twice with different values: 400' problem 400 "'fit'" -F image=@a.png -F fit=scale "$t?fit=image"
ok 'norm=running without running statistics: 400' field running norm=running
ok 'an unknown model: 404 that lists the models' problem 404 'colour, grey, slow' -F image=@a.png -F model=none "$t"
ok 'an unknown path: 404 that lists all' problem 404 '/nothing.*/translate, /v1/images/edits, /v2, .*, /api.html or /' "$url/nothing"
method() { problem 405 "$3" -X "$1" "$url/$2" && header "allow: $3"; }
ok 'GET /translate: 405 with Allow' method GET translate POST
ok 'DELETE /models: 405 with Allow' method DELETE models 'GET, HEAD'
ok 'POST /: 405 with Allow' method POST '' 'GET, HEAD'
ok "curl's default type: 415 that names the header to send" problem 415 'image/png' -d x "$t"
ok 'no type: 415' problem 415 'no Content-Type' -H 'Content-Type:' --data-binary @a.png "$t"
ok 'a JPEG declared as PNG: 415 with the header to send' problem 415 'Content-Type: image/jpeg' -H 'Content-Type: image/png' --data-binary @b.jpg "$t"
ok 'a compressed body: 415' problem 415 gzip -H 'Content-Type: image/png' -H 'Content-Encoding: gzip' --data-binary @a.png "$t"
picture() { problem 422 "$1" -H 'Content-Type: application/octet-stream' --data-binary "$2" "$t"; }
ok 'bytes that are no picture: 422' picture . 'hello'
ok 'a WebP picture: 422 that names it' picture 'this is WebP; send PNG or JPEG' 'RIFF1234WEBPVP8 '
ok 'no bytes: 422' picture . ''
ok 'a truncated PNG: 422' picture . @cut.png
ok 'a PNG of 65 bytes that declares 60000x60000: 422' picture 60000 @bomb.png
ok 'the same in a form: 422' problem 422 60000 -F image=@bomb.png "$t"
still() { expect 200 -F image=@a.png "$t" && same body form.png; }
ok 'after all that the daemon answers as before' still

# --- metrics, page, health -----------------------------------------------------------------------
counted() {
    local before after
    before=$(metric 'pix2pixd_http_requests_total{route="/translate",code="200"}')
    for _ in 1 2 3; do ask -F image=@a.png "$t"; done
    sleep 0.1 # a request is counted when its answer has left
    after=$(metric 'pix2pixd_http_requests_total{route="/translate",code="200"}')
    [ $((after - before)) = 3 ] || { echo "$before, $after"; return 1; }
    [ "$(metric 'pix2pixd_http_requests_total{route="other",code="404"}')" = 1 ]
}
ok '/metrics counts what was answered' counted
versions() {
    local name labels=
    for name in version mhd jansson dnnl png jpeg isal zlib; do labels+=,$name='"[0-9][0-9.]*[^"]*"'; done
    curl -s "$url/metrics" | grep -Ex "pix2pixd_build_info\{${labels#,}\} 1"
}
ok '/metrics has the versions of all libraries that read what clients send' versions
if [ -n "$(type -P promtool)" ]; then
    promtool_check() { curl -s "$url/metrics" | promtool check metrics; }
    ok '/metrics is clean under promtool' promtool_check
fi
there() { # every series that alerts are written on is there before its first event
    local code
    for code in 400 422 500 503 504; do
        [ -n "$(metric "pix2pixd_http_requests_total{route=\"/translate\",code=\"$code\"}")" ] || return 1
    done
    [ "$(metric 'pix2pixd_dropped_total{stage="infer",reason="deadline"}')" = 0 ] &&
        [ "$(metric pix2pixd_workers)" = 1 ] && [ "$(metric pix2pixd_workers_stuck)" = 0 ] &&
        [ -n "$(metric pix2pixd_cgroup_memory_limit_bytes)" ] && [ "$(metric pix2pixd_queue_limit)" = 256 ]
}
ok 'counters are there before their first event, and so are the limits' there
classes() {
    [ "$(metric 'pix2pixd_request_duration_seconds_count{route="/translate",code="2xx"}')" -ge 3 ] &&
        [ "$(metric 'pix2pixd_request_duration_seconds_count{route="/translate",code="4xx"}')" -ge 3 ] &&
        [ "$(metric 'pix2pixd_request_duration_seconds_count{route="/translate",code="5xx"}')" = 0 ]
}
ok 'the time of answers and that of refusals are told apart' classes
by_model() {
    local before
    before=$(metric 'pix2pixd_model_requests_total{model="grey",outcome="answered"}')
    expect 200 -F image=@a.png "$t?model=grey" || return 1
    [ "$(metric 'pix2pixd_model_requests_total{model="grey",outcome="answered"}')" = $((before + 1)) ]
}
ok 'translations are counted by model' by_model
idle() { [ "$(metric pix2pixd_queue_depth)" = 0 ] && [ "$(metric pix2pixd_ready)" = 1 ]; }
ok 'the queue is empty when nothing is asked' idle
head_only() { [ "$(curl -s -I -o body -w '%{http_code} %{size_download}' "$url/models")" = '200 0' ]; }
ok 'HEAD is answered without a body' head_only
page() {
    expect 200 "$url/" && header 'content-type: text/html' && header "content-security-policy: default-src 'none'" &&
        cp body page && expect 200 "$url/app.js" && cat body >>page &&
        expect 200 "$url/house.js" && cat body >>page && expect 200 "$url/style.css" && cat body >>page &&
        grep -q translate page && ! grep -E '(https?:)?//[a-z]+\.[a-z]|@import' page
}
ok 'GET / is a page that loads nothing from elsewhere' page
ok '--health URL succeeds on a daemon that runs' "$pix2pixd" --health "$url"
ok '--health without URL asks the address of --listen' "$pix2pixd" --listen "${url#http://}" --health
ok '--health fails on a path that is not there' fails 1 404 "$pix2pixd" --health "$url/nothing"
ok 'a second daemon on the same port ends with 1 and the remedy' fails 1 '--listen' "$pix2pixd" --log-level error --models models --listen "${url#http://}"

# --- concurrency ---------------------------------------------------------------------------------
together() {
    local i pids=()
    for ((i = 0; i < 4; i++)); do
        "$make_picture" "p$i.png" 256 256 "$i"
        expect 200 -F image=@"p$i.png" "$t?model=slow&fit=image&dropout=$i" && mv body "alone$i" || return 1
    done
    for ((i = 0; i < 24; i++)); do
        curl -s -m 60 -o "many$i" -F image=@"p$((i % 4)).png" "$t?model=slow&fit=image&dropout=$((i % 4))" &
        pids+=($!)
    done
    wait "${pids[@]}"
    for ((i = 0; i < 24; i++)); do same "many$i" "alone$((i % 4))" || return 1; done
}
ok 'many requests at once get the same bytes as each alone' together
batched() {
    [ "$(metric 'pix2pixd_batch_size_bucket{le="1"}')" -lt "$(metric pix2pixd_batch_size_count)" ]
}
ok 'and some of them shared a batch' batched
gone() {
    local i
    for ((i = 0; i < 8; i++)); do curl -s -m 0.02 -o /dev/null -F image=@large.png "$t?model=slow&fit=image"; done
    still
}
ok 'clients that go away do no harm' gone
ok '--health fails when nobody listens' fails 1 connect "$pix2pixd" --health http://127.0.0.1:1
ok 'SIGTERM ends an idle daemon with 0' stop

mkdir twins && cp models/colour.safetensors twins/colour-int8.safetensors && cp models/colour.safetensors twins/
twins() { start --models twins && until_loaded && expect 200 "$url/models" && grep -q '"name":"colour",.*"default":true},{"name":"colour-int8"' body && stop; }
ok 'the default is the first by name, and a name comes before those that begin with it' twins

mkdir cards && cp models/colour.safetensors cards/ && cp models/colour.safetensors cards/plain.safetensors
printf '{"title": "H\303\244user", "input": "labels", "palette": [{"name": "sky", "colour": "#00AAFF"}], "line_width": 2, "parts": 1}' >cards/colour.json
carded() {
    start --models cards && until_loaded && expect 200 "$url/models" &&
        unhashed | grep -qF '"dtype":"f32","default":true,"title":"Häuser","input":"labels","palette":[{"name":"sky","colour":"#00aaff"}],"line_width":2},{"name":"plain",' &&
        grep -qF '"default":false}]}' body
}
ok '/models passes NAME.json on' carded
ok 'and the log names a key that is not known' grep -q "model colour: the key 'parts' is not known and ignored" log
ok 'that daemon ends well' stop
echo '{"preferred": true}' >cards/plain.json
preferred() { start --models cards && until_loaded && expect 200 "$url/models" && grep -q '"name":"plain",.*"default":true,"preferred":true}]}' body && stop; }
ok 'a model whose card says so is the default' preferred

# --- options -------------------------------------------------------------------------------------
check() { "$pix2pixd" --log-level error --models models --check-config "$@"; }
ok '--check-config accepts a good configuration' check
ok '--check-config refuses a folder without models' fails 1 safetensors check --models empty
ok '--check-config refuses a folder that is not there' fails 1 nowhere check --models nowhere
mkdir names && cp models/colour.safetensors $'names/a\xff.safetensors'
ok '--check-config refuses a model whose name is not UTF-8' fails 1 'rename' check --models names
mv names/* $'names/a\nb.safetensors'
ok '--check-config refuses a model whose name has a control character' fails 1 'rename' check --models names
ok '--check-config refuses a model that was cut short, by name' fails 1 cut.safetensors check --models broken
ok 'and so does the daemon, before it listens' fails 1 cut.safetensors "$pix2pixd" --log-level error --models broken --listen 127.0.0.1:0
echo '{"title": ["x"]}' >cards/plain.json
ok '--check-config refuses a NAME.json with a wrong value, by file and key' fails 1 'cards/plain.json: title: must be a string' check --models cards
ok '--check-config refuses a model of six channels' fails 1 'wide.safetensors.*6 channels' check --models wide
ok '--dtype int8 is refused for a model without int8 weights' fails 2 'models/.*.safetensors: the checkpoint has no int8' check --dtype int8
ok 'a default model that is not there is refused' fails 1 'colour, grey' check --default-model none
ok 'an unknown option ends with 2' fails 2 '--quue' check --quue 3
ok 'so does another server'"'"'s, with what is meant here' fails 2 '--port: use --listen ADDRESS:PORT' check --port 80
ok 'an address without a port ends with 2' fails 2 '--listen' check --listen 127.0.0.1
ok 'an argument without --health ends with 2' fails 2 stray check stray
ok '--health with a malformed URL ends with 2' fails 2 http:// "$pix2pixd" --health localhost
echo '{"quue": 3}' >wrong.json
ok 'an unknown key in the file ends with 2' fails 2 quue check --config wrong.json
precedence() {
    echo '{"queue": 3, "max_side": 300, "workers": 2}' >config.json
    PIX2PIXD_QUEUE=4 PIX2PIXD_MAX_SIDE=400 "$pix2pixd" --config config.json --queue 5 --print-config >printed || return 1
    cat printed
    grep -q '"queue": 5' printed && grep -q '"max-side": 400' printed && grep -q '"workers": 2' printed
}
ok 'the command line wins over variables, and they over the file' precedence
again() { "$pix2pixd" --config printed --print-config >twice && same printed twice; }
ok '--config reads back what --print-config prints' again
version() { [ "$("$pix2pixd" --version | grep -Ec '^pix2pixd [0-9]+\.[0-9]+\.[0-9]+$')" = 1 ] && "$pix2pixd" --help | grep -q -e --max-batch; }
ok '--version is one line, and --help lists the options' version
# shellcheck disable=SC2016 # the inner shell expands them
full() { fails 1 'standard output' sh -c '"$0" "$@" >/dev/full' "$pix2pixd" "$@"; }
for act in --version --help --print-config '--log-level=error --models=models --check-config'; do
    # shellcheck disable=SC2086 # options, not one word
    ok "where nothing can be printed ${act##* } ends with 1" full $act
done

done_testing
