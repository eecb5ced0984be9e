#!/bin/bash
# pix2pix bench from outside, on a tiny network. Arguments: pix2pix, fixture.
set -u
# shellcheck source=tests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
pix2pix=$(realpath "$1")
fixture=$(realpath "$2")

export TMPDIR=$work
bench() { run "$pix2pix" bench --threads 1 --runs 3 "$@"; }

bench --architecture unet_32 --ngf 4 --batch 1,3 --dtype f32
check "times random weights" is 0 ""
check "says of what" grep -qx 'unet_32, ngf 4, 32x32, 3 runs a case, 0.00095 GFLOP of convolutions a picture' <<<"$out"
check "one line a batch size" [ "$(grep -cE '^ +[13] f32 +1 +1 +[0-9. ]+%$' <<<"$out")" = 2 ]
check "removes the random weights" [ -z "$(compgen -G "$work/pix2pix*")" ]
bench --architecture resnet_2blocks --ngf 2 --batch 1 --dtype f32 --size 20
check "times a ResNet" is 0 ""
check "of the asked number of blocks" grep -q '^resnet_2blocks, ngf 2, 20x20' <<<"$out"
"$fixture" model "$work/m.safetensors" 3 3 || exit 1
bench --model "$work/m.safetensors" --batch 2 --dtype f32 --norm running --size 64 --json
check "times a checkpoint" is 0 ""
for field in '"batch": 2' '"dtype": "f32"' '"threads": 1' '"median_ms": [0-9.]*' '"min_ms": [0-9.]*' \
    '"images_per_s": [0-9.]*' '"ceiling_gflops": [1-9][0-9.]*' '"percent_of_ceiling": [0-9.]*'; do
    check "tells $field in JSON" grep -qE "$field" <<<"$out"
done
bench --model "$work/m.safetensors" --batch 1,2 --dtype f32,int8 --size 64 --layers
check "goes on behind a type that the checkpoint lacks" is 0 ""
check "whose rows say why" [ "$(grep -cE '^ +[12] int8 .* unsupported: .*int8' <<<"$out")" = 2 ]
layers=$(grep -cE '^ +[0-9]+ (conv|up) [0-9]+>[0-9]+ [0-9]+>[0-9]+ +(native|fourfold) ' <<<"$out")
check "has one line a layer" [ "$layers" = 20 ]
check "and one for what is not convolution" \
    [ "$(grep -cE '^ +not convolution: .* [0-9.]+ ms, [0-9.]+%$' <<<"$out")" = 2 ]
bench --model "$work/m.safetensors" --batch 1 --dtype int8 --json
check "says in JSON too what is unsupported" grep -qE '"unsupported": ".*int8' <<<"$out"
bench --architecture unet_32 --ngf 4 --batch 2 --dtype int8
check "times random int8 weights where the CPU can" \
    grep -qE '^ +2 int8 +1 +1 +([0-9. ]+%|unsupported: this CPU .*)$' <<<"$out"
bench --architecture unet_32 --ngf 4 --batch 2 --workers 3 --dtype f32 --json --layers
check "times workers beside each other" grep -q '"workers": 3' <<<"$out"
check "and the layers of the first" [ "$(grep -c '"implementation"' <<<"$out")" = 10 ]
bench --model "$work/m.safetensors" --size 33 --dtype f32
check "refuses a size that the network cannot take" [ "$status" != 0 ]
check "in one line" [ "$(wc -l <<<"$err")" = 1 ]
bench --batch 0
check "refuses a batch of 0" is 2 "pix2pix: --batch: '0' is not a list of 1 to 16 sizes from 1 to 1024, as 1,8"
bench --batch 1,
check "refuses half a list" is 2 "pix2pix: --batch: '1,' is not a list of 1 to 16 sizes from 1 to 1024, as 1,8"
bench --dtype f16
check "refuses another type" is 2 "pix2pix: --dtype: 'f16' is not a list of auto, f32, bf16 and int8, as f32,bf16"
bench --architecture unet_100
check "refuses another architecture" is 2 "pix2pix: --architecture: 'unet_100' is not unet_32 to unet_512, \
encoder_decoder_32 to encoder_decoder_512 or resnet_1blocks to resnet_32blocks"
run timeout --preserve-status -s INT 1 "$pix2pix" bench --threads 1 --runs 100000 --batch 64 \
    --architecture unet_32 --ngf 4
check "stops at Ctrl-C" is 130 "pix2pix: stopped by signal 2"
check "and removes the random weights" [ -z "$(compgen -G "$work/pix2pix*")" ]

finish
