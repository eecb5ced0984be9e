#!/bin/bash
# pix2pix translate on folders as people have them: pairs, broken pictures, the reference's options.
# Arguments: pix2pix, fixture, make_checkpoint.
set -u
# shellcheck source=tests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
pix2pix=$(realpath "$1")
fixture=$(realpath "$2")

cd "$work" || exit 1
"$fixture" model m.safetensors 3 3 || exit 1 # a unet_32, AtoB
"$pix2pix" convert m.safetensors btoa.safetensors --direction BtoA || exit 1
"$pix2pix" dataset facades --count 2 --size 64 --out data 2>/dev/null || exit 1
pair=data/train/0001.png
for half in left right; do "$fixture" half $pair $half $half.png || exit 1; done
mkdir mixed
"$fixture" picture mixed/a.png 50 37 || exit 1
"$fixture" picture mixed/d.png 32 32 || exit 1

# shellcheck disable=SC2317 # called by check
size() { [ "$("$fixture" size "$1")" = "$2" ]; }
# shellcheck disable=SC2317
differ() { ! cmp -s "$1" "$2"; }
translate() { run "$pix2pix" translate --threads 1 --dtype f32 "$@"; }
usage() { # OPTION TEXT [VALUE]: the option is refused with this advice
    # shellcheck disable=SC2086
    translate --$1 ${3-} -m m.safetensors left.png -o never.png
    check "says what to use for --$1" is 2 "pix2pix: --$1: $2"
}
hint='is twice as wide as high, as a training pair A|B is: give --pairs to translate one half, or --fit scale or image if it is one picture'

for half in left right; do translate -m m.safetensors $half.png -o want-$half.png; done
check "the halves have different answers" differ want-left.png want-right.png
translate -m m.safetensors $pair -o never.png
check "refuses a pair and names the option" is 1 "pix2pix: $pair: 128x64 $hint"
translate -m m.safetensors data/train -o never
check "refuses a folder of pairs, each by name" is 1 "created the folder never
pix2pix: data/train/0001.png: 128x64 $hint
pix2pix: data/train/0002.png: 128x64 $hint
pix2pix: 2 of 2 pictures could not be translated"
rmdir never
translate -m m.safetensors $pair -o wide.png --fit image
check "translates such a picture at its own size" size wide.png "128 64 3 png"
translate -m m.safetensors $pair -o wide.png --fit scale
check "or scaled there and back" size wide.png "128 64 3 png"
translate -m m.safetensors $pair -o o.png --pairs
check "takes half A of a pair with --pairs" cmp -s o.png want-left.png
translate -m btoa.safetensors $pair -o o.png --pairs
check "half B for a model from B to A" cmp -s o.png want-right.png
translate -m btoa.safetensors $pair -o o.png --pairs --direction AtoB
check "unless --direction says A" cmp -s o.png want-left.png
translate -m m.safetensors $pair -o o.png --pairs --direction BtoA
check "or B" cmp -s o.png want-right.png
translate -m m.safetensors data/train -o halves --pairs
check "takes a folder of pairs" is 0 "created the folder halves"
check "with the same answers" cmp -s halves/0001.png want-left.png
translate -m m.safetensors $pair -o o.png --pairs --fit image
check "whose halves may keep their size" size o.png "64 64 3 png"
for orientation in 3 6; do
    "$fixture" turn $pair $orientation turned.png || exit 1
    translate -m m.safetensors turned.png -o o.png --pairs
    check "does not turn pairs by EXIF orientation $orientation" cmp -s o.png want-left.png
done
translate -m m.safetensors turned.png -o o.png --fit image
check "turns single pictures" size o.png "64 128 3 png"
translate -m m.safetensors $pair -o never.png --direction BtoA
check "refuses --direction without --pairs" is 2 "pix2pix: --direction chooses the half of pairs A|B: give --pairs, too, or leave it out"
"$fixture" picture thin.png 1 9
translate -m m.safetensors thin.png -o never.png --pairs
check "refuses a pair one pixel wide" is 1 "pix2pix: thin.png: 1x9 pixels cannot hold a pair side by side"

echo hello >mixed/b.png
mkfifo mixed/c.png
mkdir mixed/e.png
translate -m m.safetensors mixed -o out
check "goes on after broken pictures and fails at the end" [ "$status" = 1 ]
check "counts them" [ "$(tail -n 1 <<<"$err")" = 'pix2pix: 3 of 5 pictures could not be translated' ]
check "names each" [ "$(grep -c '^pix2pix: mixed/[bce].png: ' <<<"$err")" = 3 ]
check "writes the answers to the others" [ "$(echo out/*)" = 'out/a.png out/d.png' ]
translate -m m.safetensors mixed/a.png nowhere.png -o out
check "goes on after a missing picture" grep -qx 'pix2pix: nowhere.png: cannot open: .*' <<<"$err"
check "and fails" [ "$(tail -n 1 <<<"$err")" = 'pix2pix: 1 of 2 pictures could not be translated' ]
translate -m m.safetensors mixed/c.png -o never.png
check "does not wait for a pipe" is 1 "pix2pix: mixed/c.png: is a named pipe, not a regular file"
mkdir out2 out2/a.png
translate -m m.safetensors mixed/a.png mixed/d.png -o out2
check "stops if an answer cannot be written" is 1 "pix2pix: out2/a.png: cannot create: Is a directory"
check "before the next" [ ! -e out2/d.png ]

translate -m m.safetensors mixed/a.png -o o.png --max-side 49
check "refuses a side over --max-side" is 1 "pix2pix: mixed/a.png: the picture (png) declares a size of 50x37; at most 49 per side are accepted; send a smaller picture"
translate -m m.safetensors mixed/a.png -o o.png --max-side 50 --max-pixels 1850
check "takes one at both limits" is 0 ""
translate -m m.safetensors mixed/a.png -o o.png --max-pixels 1849
check "refuses pixels over --max-pixels" is 1 "pix2pix: mixed/a.png: the picture (png) declares a size of 50x37, 1850 pixels; at most 1849 are accepted; send a smaller picture"
"$fixture" picture long.png 20000 2
translate -m m.safetensors long.png -o o.png
check "takes a picture of 20000 pixels' width by default" is 0 ""

usage eval 'use --norm running'
usage num_test 'leave it out: every picture given is translated; give fewer' 50
usage dataroot 'give the folder as an argument: --model FILE DIR -o OUT' ./datasets
usage results_dir 'use --output DIR' ./results
# shellcheck disable=SC2016
usage epoch 'use --model NAME.safetensors; `pix2pix convert .../latest_net_G.pth NAME.safetensors` makes it from a .pth' latest
usage gpu_ids 'leave it out: it runs on the CPU; --threads N says with how many threads' -1

interrupted() { # COMMAND...: its status after Ctrl-C as soon as a file is there
    "$@" 2>err &
    local pid=$!
    for _ in $(seq 200); do
        compgen -G "$first" >/dev/null && break
        sleep 0.05
    done
    kill -INT $pid
    wait $pid
    status=$? err=$(tr '\r' '\n' <err | tail -n 1) out=
}
mkdir many
for i in $(seq 400); do ln mixed/a.png "many/$i.png"; done
first='slow/*.png'
set -m # else bash starts background commands with SIGINT ignored
interrupted "$pix2pix" translate --threads 1 -m m.safetensors many -o slow/ --fit scale
check "Ctrl-C ends translate between two pictures" [ "$status" = 130 ]
check "and says so" [ "$err" = 'pix2pix: stopped by signal 2' ]
check "with some answers done, all whole" size "$(compgen -G "$first" | tail -n 1)" '50 37 3 png'
check "and no temporary file left" [ -z "$(compgen -G 'slow/*.tmp*')" ]
first='drawn/train/*.png'
interrupted "$pix2pix" dataset facades --count 5000 --out drawn
check "Ctrl-C ends dataset" [ "$status" = 130 ]
check "and says so, too" [ "$err" = 'pix2pix: stopped by signal 2' ]

finish
