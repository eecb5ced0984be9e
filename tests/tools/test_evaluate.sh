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
"$make_checkpoint" segmenter.safetensors unet_32 4 3 3 1 || exit 1
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

evaluate -m m.safetensors -m n.safetensors --data houses --phase train --json two.json
check "several models give one table" test "$(value two.json models 1 model)" = n.safetensors
check "and score for themselves" test "$(value two.json models 0 l1)" = "$(value r.json models 0 l1)"

evaluate -m m.safetensors --data houses --phase train --direction BtoA --json b.json
check "label maps that a model makes are compared with the true ones" grep -q 'class IOU' <<<"$out"
evaluate -m m.safetensors --segmenter segmenter.safetensors --data houses --phase train --json s.json
check "a segmenter reads labels from answers and targets" grep -q 'the ceiling' <<<"$out"
check "per-pixel accuracy is a share" python3 -c '
import json
r = json.load(open("s.json"))
assert 0 <= r["models"][0]["labels"]["pixel"] <= 1 and 0 <= r["ceiling"]["iou"] <= 1'

evaluate -m m.safetensors --data mixed
check "single pictures are translated and counted apart" \
    grep -qx '1 pair, 1 single picture translated without a target' <<<"$out"
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
evaluate -m m.safetensors -m grey.safetensors --data houses
check "models of other channels are not put in one table" grep -q 'evaluate them one by one' <<<"$err"
evaluate -m m.safetensors --segmenter grey.safetensors --data houses
check "nor taken for segmenters" grep -q 'a segmenter maps RGB pictures to RGB label maps' <<<"$err"
evaluate --data houses
check "a missing model is named" is 2 "pix2pix: --model is missing: the checkpoint to evaluate"
evaluate -m m.safetensors --dataroot houses
check "the reference's options are answered" grep -q 'use --data DIR' <<<"$err"
finish
