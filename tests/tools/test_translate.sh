#!/bin/bash
# pix2pix translate from outside. Arguments: pix2pix, fixture, make_checkpoint.
set -u
# shellcheck source=tests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
pix2pix=$(realpath "$1")
fixture=$(realpath "$2")
make_checkpoint=$(realpath "$3")
usage='--model NAME.safetensors IN ... -o OUT'

cd "$work" || exit 1
"$fixture" model m.safetensors 3 3 || exit 1
"$fixture" model grey.safetensors 1 1 || exit 1
"$fixture" model wide.safetensors 6 3 || exit 1
"$make_checkpoint" none.safetensors unet_32 4 3 3 1 || exit 1
"$make_checkpoint" dropout.safetensors unet_64 4 3 3 1 || exit 1 # unet_32 has no dropout
"$make_checkpoint" resnet.safetensors resnet_2blocks 4 3 3 1 || exit 1
"$make_checkpoint" rgba.safetensors resnet_1blocks 4 4 2 1 || exit 1
mkdir pictures
"$fixture" picture a.png 50 37 || exit 1
"$fixture" picture pictures/b.png 32 32 || exit 1
"$fixture" picture pictures/c.jpg 64 96 || exit 1
"$fixture" picture dot.png 1 1 || exit 1

# shellcheck disable=SC2317 # called by check
size() { [ "$("$fixture" size "$1")" = "$2" ]; }
# shellcheck disable=SC2317
differ() { ! cmp -s "$1" "$2"; }
translate() { run "$pix2pix" translate --threads 1 "$@"; } # quick on a busy machine too

run "$pix2pix" translate --model m.safetensors a.png -o o.png
check "translates a picture" test "$status" = 0
check "and says in which arithmetic" grep -Eqx 'computed in (f32|bf16)' <<<"$err"
ONEDNN_MAX_CPU_ISA=AVX2 run "$pix2pix" translate -m m.safetensors a.png -o o.png
check "which is f32 where there is no bf16" is 0 "computed in f32"
check "to the training size" size o.png "32 32 3 png"
translate -m m.safetensors a.png -o again.png --dtype f32
check "in the one that is asked for without a word" is 0 ""
translate -m m.safetensors a.png -o once-more.png --dtype f32
check "to the same bytes each time" cmp -s again.png once-more.png
translate -m m.safetensors a.png -o o.jpg --fit scale
check "scales back with fit=scale" size o.jpg "50 37 3 jpeg"
translate -m m.safetensors a.png -o o.png --fit=image
check "keeps the picture's size with fit=image" size o.png "50 37 3 png"
translate -m m.safetensors dot.png -o o.png --fit=image
check "takes a single pixel with fit=image" size o.png "1 1 3 png"
translate -m m.safetensors pictures/b.png -o x.png
translate -m m.safetensors pictures/b.png -o y.png --fit=image
check "makes no difference of fits where the size is right" cmp -s x.png y.png
translate -m m.safetensors a.png -o o.bin --format jpeg --quality 20
check "takes the format that is asked for" size o.bin "32 32 3 jpeg"
translate -m resnet.safetensors a.png -o o.png --fit=image
check "runs a ResNet at the picture's size, in multiples of 4" size o.png "50 37 3 png"
translate -m resnet.safetensors dot.png -o o.png --fit=image
check "and even on a single pixel" size o.png "1 1 3 png"
translate -m rgba.safetensors a.png -o o.png
check "translates four channels to two" size o.png "256 256 2 png"
translate -m grey.safetensors a.png -o o.png
check "translates with one channel" size o.png "32 32 1 png"

translate -m dropout.safetensors a.png -o off.png --dtype f32
translate -m dropout.safetensors a.png -o s1.png --dtype f32 --dropout 1
translate -m dropout.safetensors a.png -o s1b.png --dtype f32 --dropout=1
translate -m dropout.safetensors a.png -o s2.png --dtype f32 --dropout 2
check "draws dropout from a seed" cmp -s s1.png s1b.png
check "another seed gives another picture" differ s1.png s2.png
check "off is none of them" differ s1.png off.png
translate -m m.safetensors a.png -o off.png --dtype f32
translate -m m.safetensors a.png -o r.png --dtype f32 --norm running
check "takes running statistics" is 0 ""
check "which give another picture" differ r.png off.png
run "$pix2pix" convert m.safetensors running.safetensors --test-norm running
translate -m running.safetensors a.png -o r2.png --dtype f32
check "takes the norm that the checkpoint asks for" cmp -s r.png r2.png
translate -m running.safetensors a.png -o r3.png --dtype f32 --norm batch
check "unless told another" cmp -s off.png r3.png

translate -m m.safetensors a.png pictures -o out --dtype f32
check "translates several pictures and a folder of them" is 0 "created the folder out"
check "into a folder, as png" [ "$(echo out/*)" = "out/a.png out/b.png out/c.png" ]
translate -m m.safetensors pictures -o out/ --format jpeg
check "into a folder, as jpeg" size out/c.jpg "32 32 3 jpeg"
translate -m m.safetensors a.png -o out
check "one picture into a folder that is there" [ "$status" = 0 ]
translate -m m.safetensors pictures/c.jpg -o new/
check "one picture into a new folder" size new/c.png "32 32 3 png"
translate -m m.safetensors a.png -o o.png --dtype bf16
check "takes bf16 or says that the CPU cannot" grep -qx '[02]' <<<"$status"

translate -m m.safetensors a.png -o o.png --dtype int8
check "refuses int8 without int8 weights" is 2 "pix2pix: m.safetensors: the checkpoint has no int8 weights: make them with pix2pix convert IN OUT --dtype int8 --calibrate DIR, or use --dtype auto"
run "$pix2pix" convert m.safetensors int8.safetensors --dtype int8 --calibrate pictures
ONEDNN_MAX_CPU_ISA=AVX512_CORE translate -m int8.safetensors a.png -o o.png --dtype int8
check "or on a CPU that has none" is 2 "pix2pix: int8.safetensors: this CPU has neither VNNI nor AMX, which int8 needs: use --dtype auto"
ONEDNN_MAX_CPU_ISA=AVX2 translate -m int8.safetensors a.png -o o.png
check "where auto takes what it has" is 0 "computed in f32"
translate -m int8.safetensors a.png -o o.png
check "and else int8" grep -Eqx 'computed in (int8|bf16|f32)' <<<"$err"

translate a.png -o o.png
check "asks for a model" is 2 "pix2pix: --model is missing; usage: pix2pix translate $usage"
translate -m m.safetensors a.png
check "asks for an output" is 2 "pix2pix: --output (-o) is missing; usage: pix2pix translate $usage"
translate -m m.safetensors -o o.png
check "asks for an input" is 2 "pix2pix: an argument is missing; usage: pix2pix translate $usage"
translate -m m.safetensors a.png -o o.png --quality 101
check "refuses a quality of 101" is 2 "pix2pix: --quality: '101' is out of range, allowed: 1..100 (command line)"
translate -m m.safetensors a.png -o o.png --fit square
check "refuses an unknown fit" is 2 "pix2pix: --fit: 'square' is not known, allowed: model|image|scale (command line)"
translate -m m.safetensors a.png -o o.png --dropout on
check "refuses dropout without a seed" is 2 "pix2pix: --dropout: 'on' is neither off nor a seed from 0 to 18446744073709551615 (command line)"
translate -m m.safetensors a.png -o o.gif
check "refuses a name that shows no format" is 2 "pix2pix: o.gif: the name shows no format; end it in .png or .jpg, or give --format"
translate -m m.safetensors a.png -o o.png --format jpeg
check "refuses a name that contradicts the format" is 2 "pix2pix: o.png: the name says png, but --format says jpeg"
translate -m m.safetensors a.png pictures -o several.png
check "refuses several pictures to one file" is 2 "pix2pix: several.png: is one file, but there are 3 pictures; give a folder"
cp a.png pictures/a.jpg
translate -m m.safetensors a.png pictures/a.jpg -o out
check "refuses two inputs of the same output" is 2 "pix2pix: a.png and pictures/a.jpg would both become out/a.png; rename one of them or leave it out"
rm pictures/a.jpg
translate -m m.safetensors pictures -o pictures
check "refuses to overwrite its input" is 2 "pix2pix: pictures/b.png: would overwrite its input; choose another output"

translate -m nowhere.safetensors a.png -o never.png
check "names a model that is missing" grep -qx 'pix2pix: nowhere.safetensors: .*' <<<"$err"
head -c 5000 m.safetensors >cut.safetensors
translate -m cut.safetensors a.png -o never.png
check "names a checkpoint cut short" grep -qx 'pix2pix: cut.safetensors: .*' <<<"$err"
check "fails with it" [ "$status" = 1 ]
translate -m wide.safetensors a.png -o never.png
check "refuses a model of six channels" is 1 "pix2pix: wide.safetensors: the network takes 6 channels and gives 3; pictures have 1 to 4"
translate -m none.safetensors a.png -o never.png --norm running
check "refuses running statistics that are not there" grep -qx 'pix2pix: none.safetensors: .*running.*' <<<"$err"
translate -m m.safetensors nowhere.png -o never.png
check "names a picture that is missing" grep -qx 'pix2pix: nowhere.png: .*' <<<"$err"
echo hello >text.png
translate -m m.safetensors text.png -o never.png
check "names a file that is not a picture" grep -qx 'pix2pix: text.png: .*' <<<"$err"
check "fails with it too" [ "$status" = 1 ]
echo 'RIFF1234WEBPVP8 ' >webp.png
translate -m m.safetensors webp.png -o never.png
check "names the format of a WebP picture" is 1 "pix2pix: webp.png: this is WebP; send PNG or JPEG"
head -c 300 a.png >cut.png
translate -m m.safetensors cut.png -o never.png
check "names a picture cut short" grep -qx 'pix2pix: cut.png: .*' <<<"$err"
mkdir empty
translate -m m.safetensors empty -o never
check "names a folder without pictures" is 1 "pix2pix: empty: holds no .png, .jpg or .jpeg (folders below are not searched)"
for out in never never/; do
    translate -m m.safetensors nowhere -o $out
    check "names an input that is missing rather than the output ($out)" is 1 "pix2pix: nowhere: cannot open: No such file or directory"
done
check "leaves nothing behind when it fails" [ -z "$(compgen -G 'never*')" ]
translate -m m.safetensors a.png --format png -o /dev/full
check "names the file on a full disk" is 1 "pix2pix: /dev/full: cannot write: No space left on device"
translate -m m.safetensors a.png -o no/such/o.png
check "refuses an output two missing folders away" is 1 "pix2pix: no/such: cannot create the folder: the folder around it does not exist either; create that one first"
check "and creates none" [ ! -e no ]
translate -m m.safetensors a.png -o one/o.png --dtype f32
check "creates one missing folder and says so" is 0 "created the folder one"
check "for the output" size one/o.png "32 32 3 png"

finish
