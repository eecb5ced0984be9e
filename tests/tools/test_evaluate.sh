#!/bin/bash
# pix2pix evaluate from outside. Arguments: pix2pix, fixture, make_checkpoint.
set -u
# shellcheck source=tests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
pix2pix=$(realpath "$1")
fixture=$(realpath "$2")
make_checkpoint=$(realpath "$3")
photo=$(realpath "$(dirname "$0")/../codecs/data/jpeg/turned-6.jpg")

cd "$work" || exit 1
"$fixture" model m.safetensors 3 3 || exit 1
"$fixture" model n.safetensors 3 3 || exit 1
"$fixture" model grey.safetensors 1 1 || exit 1
"$fixture" model alpha.safetensors 4 4 || exit 1
"$make_checkpoint" noise.safetensors unet_32 4 3 3 1 || exit 1
one_colour() { # one_colour FILE R G B: a model that makes this colour of everything
    python3 - "$@" <<'END'
import json, math, struct, sys
data = bytearray(open('noise.safetensors', 'rb').read())
start = 8 + struct.unpack('<Q', data[:8])[0]
tensors = json.loads(data[8:start])
for name, values in (('weight', [0.0] * 8 * 3 * 16), ('bias', [math.atanh(int(v) / 127.5 - 1) for v in sys.argv[2:]])):
    begin, end = tensors['model.model.3.' + name]['data_offsets']
    data[start + begin:start + end] = struct.pack('<%df' % len(values), *values)
open(sys.argv[1], 'wb').write(data)
END
}
one_colour segmenter.safetensors 13 61 251 || exit 1 # a wall
one_colour stranger.safetensors 128 128 128 || exit 1
"$pix2pix" dataset facades --count 4 --seed 1 --style labels --size 64 --out houses >/dev/null 2>&1 || exit 1
mkdir -p mixed/val empty
cp houses/train/0001.png mixed/val/pair.png
"$fixture" picture mixed/val/single.png 40 40 || exit 1

evaluate() { run "$pix2pix" evaluate --threads 1 "$@"; }
# shellcheck disable=SC2317 # called by check
value() { # value FILE PATH...: a number of the JSON
    python3 -c 'import json, sys
v = json.load(open(sys.argv[1]))
for key in sys.argv[2:]:
    v = v[int(key) if key.lstrip("-").isdigit() else key]
print(v)' "$@"
}

evaluate -m m.safetensors --data houses --phase train --json r.json --out r.html --results-dir answers
check "evaluates the pairs of a phase" test "$status" = 0
check "and counts them" grep -qx '4 pairs' <<<"$out"
check "with the mean colour and the input as opponents" grep -Eq '^the input itself +0\.[0-9]{4}' <<<"$out"
check "the model's line has metrics and colours in common" \
    grep -Eq '^m\.safetensors( +[0-9.-]+){7}$' <<<"$out"
check "JSON has every picture" test "$(value r.json pictures 3 name)" = 0004.png
check "whose mean is the model's" python3 -c '
import json
r = json.load(open("r.json"))
mean = sum(p["scores"][0]["l1"] for p in r["pictures"]) / 4
assert abs(mean - r["models"][0]["l1"]) < 1e-6, (mean, r["models"][0])'
check "MS-SSIM of pictures that are too small for it is null" \
    test "$(value r.json models 0 ms_ssim)" = None
check "the answers lie beside, under the pictures' names" test -s answers/0004.png
"$pix2pix" translate -m m.safetensors --pairs houses/train/0002.png -o t.png --threads 1 2>/dev/null
check "and are those of translate --pairs" cmp -s t.png answers/0002.png
check "the report holds everything itself" test "$(grep -c 'src="data:image/jpeg' r.html)" -ge 4
check "and asks nothing elsewhere" bash -c '! grep -Eq "(src|href)=\"?(https?:)?//" r.html'
check "and shows the worst picture first" python3 -c '
import json, re
scores = {p["name"]: p["scores"][0]["l1"] for p in json.load(open("r.json"))["pictures"]}
shown = re.findall(r"<td class=\"names\">([^<]*)<", open("r.html").read())
assert shown == sorted(scores, key=lambda name: -scores[name]) and len(set(scores.values())) == 4, (shown, scores)'

evaluate -m m.safetensors -m n.safetensors --data houses --phase train --json two.json --results-dir both
check "several models give one table" test "$(value two.json models 1 model)" = n.safetensors
# shellcheck disable=SC2016 # the inner bash expands
check "whose answers lie in a folder each" bash -c \
    'cmp both/m/0002.png answers/0002.png && test -s both/n/0004.png && test "$(ls both)" = "m
n"'
mkdir copy
cp m.safetensors copy
evaluate -m m.safetensors -m copy/m.safetensors --data houses --phase train --results-dir clash
check "but not in the same one" is 2 \
    "pix2pix: --results-dir: the answers of m.safetensors and copy/m.safetensors would both be in clash/m: evaluate them one by one"
check "and score for themselves" test "$(value two.json models 0 l1)" = "$(value r.json models 0 l1)"

evaluate -m m.safetensors --data houses --phase train --direction BtoA --json b.json
check "label maps that a model makes are compared with the true ones" grep -q 'class IOU' <<<"$out"
evaluate -m m.safetensors --segmenter segmenter.safetensors --data houses --phase train --json s.json
check "a segmenter reads labels from answers and targets" grep -q 'the ceiling' <<<"$out"
check "per-pixel accuracy is a share" python3 -c '
import json
r = json.load(open("s.json"))
assert 0 <= r["models"][0]["labels"]["pixel"] <= 1 and 0 <= r["ceiling"]["iou"] <= 1'

# The same pairs in the layouts of two folders.
mkdir -p two/A/train two/B/train below/train/A/x below/train/B/x cycle/trainA cycle/trainB ab/A ab/B
for picture in houses/train/*.png; do
    name=${picture##*/}
    "$fixture" half "$picture" left "two/A/train/$name" && "$fixture" half "$picture" right "two/B/train/$name" || exit 1
    for layout in below/train/%/x cycle/train% ab/%; do
        cp "two/A/train/$name" "${layout/\%/A}/$name" && cp "two/B/train/$name" "${layout/\%/B}/$name"
    done
done
for layout in two below cycle; do
    evaluate -m m.safetensors --data $layout --phase train --json $layout.json --results-dir $layout.answers
    check "pairs in two folders score as side by side ($layout)" test "$(value $layout.json models 0)" = "$(value r.json models 0)"
done
check "answers to pictures in folders below are in folders below" cmp answers/0004.png below.answers/x/0004.png
evaluate -m m.safetensors --data ab --phase '' --direction BtoA --json ab.json
check "so do A and B without a phase, the other way round" test "$(value ab.json models 0)" = "$(value b.json models 0)"
evaluate -m m.safetensors --data cycle
check "a phase that is not there is refused with those in any layout" is 1 \
    "pix2pix: cycle has no pictures (.png, .jpg, .jpeg) in 'val'; it has the folders train"
rm ab/B/0003.png
evaluate -m m.safetensors --data ab --phase ''
check "a picture without its partner is named" is 2 \
    "pix2pix: ab/A/0003.png has no partner in ab/B/: every picture needs one of the same name there (sets without pairs, as CycleGAN trains on, cannot be used)"

mkdir m.epochs
cp n.safetensors m.epochs/m_005.safetensors
cp m.safetensors m.epochs/m_010.safetensors
evaluate -m m.safetensors --epoch 5,10,latest --data houses --phase train --json epochs.json
check "--epoch puts kept epochs into one table" test "$(value epochs.json models 0 model) $(value epochs.json models 1 model) $(value epochs.json models 2 model)" \
    = "m.epochs/m_005.safetensors m.epochs/m_010.safetensors m.safetensors"
check "each with its own weights" test "$(value epochs.json models 1 l1) $(value epochs.json models 2 l1)" = "$(value r.json models 0 l1) $(value r.json models 0 l1)"
evaluate -m m.safetensors --epoch 5,7 --data houses
check "an epoch that was not kept is refused with those that were" is 1 \
    "pix2pix: --epoch 7: of m.safetensors the epochs 5, 10 were kept"
evaluate -m n.safetensors --epoch 5 --data houses
check "so is a model without any" is 1 \
    "pix2pix: --epoch 5: no epochs of n.safetensors were kept (pix2pix-train --save-epoch-freq)"
for list in 5,x '' 5,,10 0 -1 99999999999 5,10,5; do
    evaluate -m m.safetensors --epoch "$list" --data houses
    check "--epoch '$list' is refused" test "$status $(grep -c -- '^pix2pix: --epoch' <<<"$err")" = "2 1"
done
evaluate -m m.safetensors -m n.safetensors --epoch 5 --data houses
check "--epoch with two models, too" is 2 "pix2pix: --epoch is for the epochs of one --model"

evaluate -m m.safetensors --data mixed
check "single pictures are translated and counted apart" \
    grep -qx '1 pair, 1 single picture translated without a target' <<<"$out"
mkdir alone
cp mixed/val/single.png alone
evaluate -m m.safetensors --data alone --phase '' --out alone.html --json alone.json --results-dir alone.answers
check "so is a folder without any pairs, which is shown without metrics" \
    test "$status $out $(value alone.json models 0 l1) $(value alone.json models 0 colour_intersection L)" = \
    "0 0 pairs, 1 single picture translated without a target None None"
check "with its answers" test "$(grep -o '<img' alone.html | wc -l) $(ls alone.answers)" = "2 single.png"
mkdir turned
cp "$photo" turned/photo.jpg
evaluate -m m.safetensors --data turned --phase '' --fit scale --results-dir upright
"$pix2pix" translate -m m.safetensors --fit scale "$photo" -o t.png --threads 1 2>/dev/null
check "and turned by their EXIF orientation, as translate does" cmp -s t.png upright/photo.png
evaluate -m m.safetensors --data houses --phase train --num-test 1
check "--num-test takes the first" grep -qx "1 pair" <<<"$out"
evaluate -m m.safetensors --data houses/train --phase '' --num-test 2
check "a folder without phases is taken by --phase ''" grep -qx '2 pairs' <<<"$out"

evaluate -m m.safetensors --data houses --phase trian
check "a phase that is not there is refused with those that are" is 1 \
    "pix2pix: houses has no pictures (.png, .jpg, .jpeg) in 'trian'; it has the folders train, val, test"
mkdir nothing
for option in --out --json; do
    evaluate -m m.safetensors --data houses $option nowhere/report
    check "$option is tried before the pictures" is 1 "pix2pix: nowhere/report: cannot create: No such file or directory"
    check "so that nothing is computed for it ($option)" test -z "$out"
done
for phase in val test; do
    evaluate -m m.safetensors --data houses/train --phase $phase
    check "a folder without phases is refused with what takes it ($phase)" is 1 \
        "pix2pix: houses/train has no folder '$phase' of pictures (.png, .jpg, .jpeg); --phase '' takes those in houses/train itself"
done
evaluate -m m.safetensors --data nothing --phase ''
check "so is a folder without pictures" is 1 "pix2pix: nothing has no pictures (.png, .jpg, .jpeg)"
evaluate -m m.safetensors -m grey.safetensors --data houses
check "models of other channels are not put in one table" grep -q 'evaluate them one by one' <<<"$err"
evaluate -m grey.safetensors --data houses --phase train
check "a grey model is not held to coloured targets" is 2 \
    "pix2pix: the target of 0001.png is coloured, and grey.safetensors makes grey pictures (1 channel): evaluate it on pairs with grey targets"
evaluate -m alpha.safetensors --data houses --phase train
check "nor one of alpha to pairs without" is 2 \
    "pix2pix: houses/train/0001.png has no alpha channel, and alpha.safetensors works on 4 channels: save the pairs as PNG with alpha"
evaluate -m m.safetensors --segmenter stranger.safetensors --data houses --phase train
check "a segmenter of other classes is refused" is 2 \
    "pix2pix: --segmenter: only 0 % of what it makes of the target of 0001.png is in the colours of the CMP facades: it was trained on other classes, or too little"
"$pix2pix" dataset facades --count 1 --seed 1 --style sketch --size 64 --out sketches >/dev/null 2>&1
evaluate -m m.safetensors --segmenter segmenter.safetensors --data sketches --phase train
check "so is one for inputs that are no label maps" is 2 \
    "pix2pix: --segmenter: the input of 0001.png is not a label map in the colours of the CMP facades, so there are no labels to compare; --palette names others"

# Streets: the input is road and sky, half each, and a quarter of it is void.
python3 - <<'END' || exit 1
import os, struct, zlib
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
road, sky, void, white = bytes((128, 64, 128)), bytes((70, 130, 180)), bytes(3), bytes((250, 250, 250))
rows = [(void * 16 + (road if y < 32 else sky) * 48 + white * 64) for y in range(64)]
os.makedirs('streets/val')
open('streets/val/1.png', 'wb').write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 128, 64, 8, 2, 0, 0, 0))
    + chunk(b'IDAT', zlib.compress(b''.join(b'\0' + row for row in rows))) + chunk(b'IEND', b''))
END
one_colour road.safetensors 128 64 128 || exit 1
streets() { evaluate -m m.safetensors --segmenter road.safetensors --data streets --json streets.json "$@"; }
# shellcheck disable=SC2317 # check() calls it
half() { # half OF_ALL: the pixels, without void ones or with them
    python3 -c 'import json, sys
r = json.load(open("streets.json"))["ceiling"]
assert abs(r["pixel"] - float(sys.argv[1])) < 0.02 and abs(r["class"] - float(sys.argv[2])) < 0.02, r' "$@"
}
streets --palette cityscapes
check "the classes of Cityscapes have a name" half 0.5 0.5
echo '{"palette": [{"name": "road", "colour": "#804080"}, {"name": "sky", "colour": "#4682b4"}, {"name": "none", "colour": "#000000"}]}' >mine.json
streets --palette mine.json
check "other classes come from a file; what is not called void is scored" half 0.375 0.3333
cp mine.json road.json
streets
check "or from the card of the model or the segmenter" half 0.375 0.3333
rm road.json
streets
check "without any the classes are those of the CMP facades" is 2 \
    "pix2pix: --segmenter: the input of 1.png is not a label map in the colours of the CMP facades, so there are no labels to compare; --palette names others"
streets --palette nowhere.json
check "a palette that is not there is named" is 1 "pix2pix: --palette: nowhere.json: cannot open: No such file or directory"
echo '{"title": "A"}' >none.json
streets --palette none.json
check "so is a file without one" is 2 \
    'pix2pix: --palette none.json: has no "palette": [{"name": "...", "colour": "#rrggbb"}, ...]'
evaluate -m m.safetensors --data streets --palette cityscapes
check "a palette without labels to compare is refused" is 2 \
    "pix2pix: --palette: the target of 1.png is not a label map in the colours of Cityscapes, and there is no --segmenter to read one from it"
evaluate -m m.safetensors --segmenter grey.safetensors --data houses
check "nor taken for segmenters" grep -q 'a segmenter maps RGB pictures to RGB label maps' <<<"$err"
evaluate --data houses
check "a missing model is named" is 2 "pix2pix: --model is missing: the checkpoint to evaluate"
evaluate -m m.safetensors --dataroot houses
check "the reference's options are answered" grep -q 'use --data DIR' <<<"$err"
finish
