#!/bin/bash
# pix2pix itself, inspect and convert from outside. Arguments: pix2pix, fixture,
# make_checkpoint.
set -u
# shellcheck source=tests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
pix2pix=$(realpath "$1")
fixture=$(realpath "$2")
make_checkpoint=$(realpath "$3")

run "$pix2pix" --version
check "prints its version" [ "$status $out" = "0 pix2pix 0.1.0" ]
run "$pix2pix" --help
check "lists the verbs" grep -q '^  inspect ' <<<"$out"
run "$pix2pix"
check "asks for a verb" is 2 "pix2pix: a verb is missing ('pix2pix --help' lists the verbs)"
run "$pix2pix" inspcet
check "suggests the verb that was meant" is 2 "pix2pix: unknown verb 'inspcet'; did you mean 'inspect'?"
run "$pix2pix" --hlep
check "refuses an option in place of a verb" is 2 "pix2pix: unknown option '--hlep' ('pix2pix --help' lists the options)"
run "$pix2pix" --
check "asks for a verb after two hyphens" is 2 "pix2pix: a verb is missing ('pix2pix --help' lists the verbs)"
run "$pix2pix" inspect --version
check "prints the version for a verb too" [ "$status $out" = "0 pix2pix 0.1.0" ]
run "$pix2pix" inspect --help
check "explains a verb" grep -q '^Usage: pix2pix inspect FILE' <<<"$out"
run "$pix2pix" inspect
check "asks for a file" is 2 "pix2pix: an argument is missing; usage: pix2pix inspect FILE... [--tensors] [--json]"
run "$pix2pix" inspect a --jsno
check "suggests the option that was meant" is 2 "pix2pix: unknown option '--jsno'; did you mean '--json'?"

model=$work/m.safetensors
"$fixture" model "$model" 3 3 || exit 1
run "$pix2pix" inspect "$model"
check "inspects a checkpoint" [ "$status" = 0 ]
check "tells the architecture" grep -q 'architecture  *unet_32, ngf 4$' <<<"$out"
check "tells the size" grep -q 'size  *32x32;' <<<"$out"
check "tells that running statistics are there" grep -q 'norm  *batch, with running statistics$' <<<"$out"
check "tells the parameters" grep -q 'parameters  *[0-9,]*$' <<<"$out"
check "lists no tensors unasked" [ "$(grep -c '\.weight ' <<<"$out")" = 0 ]
run "$pix2pix" inspect --tensors "$model"
check "lists the tensors" grep -q '^  model.model.0.weight  *f32  *4x3x4x4$' <<<"$out"
run "$pix2pix" inspect --json "$model"
check "tells the same as JSON" grep -q '"architecture": "unet_32"' <<<"$out"
check "tells numbers in JSON" grep -q '"input_nc": 3' <<<"$out"
check "and the stored type of each layer" [ "$(grep -A100 '"layers"' <<<"$out" | grep -c '"dtype": "f32"')" = 10 ]
run sh -c '"$0" inspect "$1" >/dev/full' "$pix2pix" "$model"
check "notices a full disk behind standard output" is 1 "pix2pix: standard output: cannot write: No space left on device"

"$make_checkpoint" "$work/none.safetensors" unet_32 4 3 3 1 || exit 1
run "$pix2pix" inspect "$work/none.safetensors"
check "tells that running statistics are missing" grep -q 'batch, without running statistics$' <<<"$out"

run "$pix2pix" inspect "$work/nowhere.safetensors"
check "names a file that is missing" [ "$status" = 1 ]
check "in one line" grep -qx "pix2pix: $work/nowhere.safetensors: .*" <<<"$err"
run "$pix2pix" inspect "$model" "$work/none.safetensors"
check "inspects several checkpoints" [ "$status$(grep -c '^  architecture ' <<<"$out")$err" = 02 ]
check "naming each" [ "$(grep '^/' <<<"$out")" = "$model
$work/none.safetensors" ]
run "$pix2pix" inspect --json "$model" "$work/none.safetensors"
check "and names each in JSON too" [ "$(grep '^  "file": ' <<<"$out")" = "  \"file\": \"$model\",
  \"file\": \"$work/none.safetensors\"," ]
run "$pix2pix" inspect "$work/nowhere.safetensors" "$model"
check "leaves out those of several that it cannot read" [ "$status$(grep -c '^  architecture ' <<<"$out")" = 11 ]
check "and names them" [ "$err" = "pix2pix: $work/nowhere.safetensors: cannot open: No such file or directory
pix2pix: 1 of 2 files could not be described" ]
latin=$work/$'latin\xff.safetensors'
cp "$model" "$latin"
run "$pix2pix" inspect --json "$latin"
check "describes a file whose name is not UTF-8 in JSON" [ "$status$(grep -c '"file": ".*/latin?.safetensors"' <<<"$out")" = 01 ]
head -c 3000 "$model" >"$work/cut.safetensors"
run "$pix2pix" inspect "$work/cut.safetensors"
check "names a checkpoint cut short" grep -qx "pix2pix: $work/cut.safetensors: .*" <<<"$err"
check "fails with it" [ "$status $out" = "1 " ]
echo hello >"$work/text.safetensors"
run "$pix2pix" inspect "$work/text.safetensors"
check "names a file that is no checkpoint" grep -qx "pix2pix: $work/text.safetensors: .*" <<<"$err"

run "$pix2pix" convert "$model" "$work/b.safetensors" --dtype bf16
check "converts to bf16" is 0 ""
run "$pix2pix" inspect "$work/b.safetensors"
check "which inspect shows" grep -q 'stored as  *bf16,' <<<"$out"
check "and which is smaller" [ "$(stat -c %s "$work/b.safetensors")" -lt "$(stat -c %s "$model")" ]
run "$pix2pix" convert "$work/b.safetensors" "$work/f.safetensors" --dtype=f32
check "converts back to f32" is 0 ""
run "$pix2pix" convert "$work/f.safetensors" "$work/b2.safetensors" --dtype bf16
check "bf16 to f32 to bf16 gives equal bytes" cmp -s "$work/b.safetensors" "$work/b2.safetensors"
run "$pix2pix" convert "$model" "$work/same.safetensors"
check "keeps the type where none is given" cmp -s "$model" "$work/same.safetensors"
run "$pix2pix" convert "$work/b2.safetensors" "$work/b2.safetensors" --dtype f32
check "converts a file in place" [ "$status" = 0 ]
check "to the same bytes as elsewhere" cmp -s "$work/f.safetensors" "$work/b2.safetensors"
run "$pix2pix" convert "$model" "$work/x.safetensors" --dtype f61
check "refuses another type" is 2 "pix2pix: --dtype: 'f61' is not known, allowed: keep|f32|bf16|int8 (command line)"
run "$pix2pix" convert "$work/cut.safetensors" "$work/x.safetensors" --dtype bf16
check "does not convert a checkpoint cut short" [ "$status" = 1 ]
check "and writes nothing" [ ! -e "$work/x.safetensors" ]
run "$pix2pix" convert "$model" /dev/full --dtype bf16
check "names the file on a full disk" is 1 "pix2pix: /dev/full: cannot write: No space left on device"
check "and leaves the device a device" [ -c /dev/full ]
run bash -c 'ulimit -f 8; "$0" convert "$1" "$2"' "$pix2pix" "$model" "$work/b.safetensors"
check "fails where the disk fills up midway" is 1 "pix2pix: $work/b.safetensors: cannot write: File too large"
run "$pix2pix" inspect "$work/b.safetensors"
check "and leaves the old file" grep -q 'stored as  *bf16,' <<<"$out"
check "and nothing beside it" [ -z "$(compgen -G "$work/*tmp*")" ]
run "$pix2pix" convert "$model" "$work/no/such/x.safetensors"
check "names a folder that is missing" grep -qx "pix2pix: $work/no/such/x.safetensors: cannot create: .*" <<<"$err"

run "$pix2pix" convert "$model" "$work/m.onnx"
check "exports an ONNX model" is 0 ""
check "that tells its norm" grep -qa 'norm=batch' "$work/m.onnx"
run "$pix2pix" convert "$model" "$work/batch.onnx" --norm batch
check "by the statistics of each picture, where nothing is said" cmp -s "$work/m.onnx" "$work/batch.onnx"
run "$pix2pix" convert "$work/f.safetensors" "$work/f.onnx"
run "$pix2pix" convert "$work/b.safetensors" "$work/b.onnx"
check "the same from the same weights of another type" cmp -s "$work/f.onnx" "$work/b.onnx"
run "$pix2pix" convert "$model" "$work/b.onnx" --direction BtoA
check "with another direction if asked for" grep -qa 'BtoA' "$work/b.onnx"
pth=$(dirname "$0")/../golden/pth/zip_1.13.pth
run "$pix2pix" convert "$pth" "$work/pth.onnx"
check "exports what PyTorch saved" is 0 ""
"$pix2pix" convert "$pth" "$work/pth.safetensors" && "$pix2pix" convert "$work/pth.safetensors" "$work/by.onnx"
check "to the same bytes as by way of safetensors" cmp -s "$work/pth.onnx" "$work/by.onnx"
run "$pix2pix" convert "$model" "$work/running.onnx" --norm running
check "exports one with running statistics" grep -qa 'norm=running' "$work/running.onnx"
run "$pix2pix" convert "$work/none.safetensors" "$work/x.onnx" --norm running
check "refuses running statistics that are not there" is 1 "pix2pix: $work/x.onnx: the checkpoint has no running statistics: use norm=batch"
run "$pix2pix" convert "$model" "$work/x.onnx" --dtype bf16
check "refuses an ONNX model of bf16" is 2 "pix2pix: --dtype bf16: an ONNX model is written as f32; leave the option out"
run "$pix2pix" convert "$model" "$work/x.safetensors" --norm running
check "refuses a norm for a checkpoint" is 2 "pix2pix: --norm: a checkpoint has no mode of norm, only an ONNX model does; leave the option out or end the output in .onnx"
run "$pix2pix" convert "$work/cut.safetensors" "$work/x.onnx"
check "does not export a checkpoint cut short" [ "$status" = 1 ]
check "nor leaves anything behind" [ -z "$(compgen -G "$work/x.*")" ]
run bash -c 'ulimit -f 8; "$0" convert "$1" "$2"' "$pix2pix" "$model" "$work/m.onnx"
check "fails where the disk fills up midway through an export" is 1 "pix2pix: $work/m.onnx: cannot write: File too large"
check "and leaves the old model" cmp -s "$work/m.onnx" "$work/batch.onnx"
check "and nothing beside it either" [ -z "$(compgen -G "$work/*tmp*")" ]

pth=$(dirname "$0")/../golden/pth
run "$pix2pix" inspect "$pth/python2.pth"
check "inspects what PyTorch wrote under Python 2" grep -q 'architecture  *unet_32, ngf 1$' <<<"$out"
run "$pix2pix" inspect --tensors "$pth/f16.pth"
check "lists the tensors of a .pth" grep -q '^  model.model.0.weight  *f16  *1x3x4x4$' <<<"$out"
run "$pix2pix" inspect "$pth/whole_module.pth"
check "tells what to do with a whole module" grep -q 'save the state_dict: torch.save(net.state_dict(), ...)$' <<<"$err"
run "$pix2pix" inspect "$pth/discriminator.pth"
check "names a discriminator" grep -q 'this is a discriminator' <<<"$err"
check "and lists nothing" [ "$status $out" = "1 " ]
run "$pix2pix" inspect --tensors "$pth/discriminator.pth"
check "but its tensors where asked" grep -q '^  model.0.weight  *f32  *1x5x4x4$' <<<"$out"
check "which is a failure all the same" [ "$status" = 1 ]
run "$pix2pix" convert "$pth/legacy.pth" "$work/legacy.safetensors"
check "converts the legacy format without flags" is 0 ""
run "$pix2pix" convert "$pth/zip_2.6.pth" "$work/zip.safetensors"
check "and the zip format to the same bytes" cmp -s "$work/legacy.safetensors" "$work/zip.safetensors"
run "$pix2pix" inspect "$work/zip.safetensors"
check "with the reference's defaults" grep -q 'direction  *AtoB$' <<<"$out"
run "$pix2pix" convert "$pth/legacy.pth" "$work/l.safetensors" --direction BtoA --crop-size 64
check "takes direction and crop size" is 0 ""
run "$pix2pix" inspect "$work/l.safetensors"
check "which inspect shows" grep -q 'size  *64x64;' <<<"$out"
check "both" grep -q 'direction  *BtoA$' <<<"$out"
run "$pix2pix" convert "$pth/legacy.pth" "$work/x.safetensors" --crop-size 33
check "refuses a crop size that the network cannot take" is 1 "pix2pix: crop_size 33: use a multiple of 32 up to 8192"
run "$pix2pix" convert "$pth/legacy.pth" "$work/r.safetensors" --test-norm running
run "$pix2pix" inspect "$work/r.safetensors"
check "takes the norm at test" grep -q 'norm  *batch, with running statistics, which are the default at test$' <<<"$out"
run "$pix2pix" convert "$work/r.safetensors" "$work/r2.safetensors" --dtype bf16
run "$pix2pix" inspect --json "$work/r2.safetensors"
check "and keeps it" grep -q '"test_norm": "running"' <<<"$out"
run "$pix2pix" convert "$work/r.safetensors" "$work/r2.safetensors" --test-norm batch
run "$pix2pix" inspect --json "$work/r2.safetensors"
check "until told another" grep -q '"test_norm": "batch"' <<<"$out"
run "$pix2pix" convert "$pth/parameters.pth" "$work/x.safetensors" --test-norm running
check "refuses running statistics that are not there" is 1 "pix2pix: $pth/parameters.pth: has no running statistics: leave --test-norm out"
run "$pix2pix" convert "$work/r.safetensors" "$work/default.onnx"
run "$pix2pix" convert "$work/r.safetensors" "$work/running.onnx" --norm running
check "an ONNX model follows it" cmp -s "$work/default.onnx" "$work/running.onnx"
run "$pix2pix" convert "$pth/stale_instance.pth" "$work/i.safetensors"
run "$pix2pix" inspect --tensors "$work/i.safetensors"
check "leaves InstanceNorm's stale statistics behind" [ "$(grep -c running_ <<<"$out")" = 0 ]
run "$pix2pix" convert "$work/zip.safetensors" "$work/back.pth"
check "converts back to .pth" is 0 ""
run "$pix2pix" convert "$work/back.pth" "$work/again.safetensors"
check "and forth to the same bytes" cmp -s "$work/zip.safetensors" "$work/again.safetensors"
run "$pix2pix" convert "$pth/f16.pth" "$work/f16.safetensors"
run "$pix2pix" inspect "$work/f16.safetensors"
check "keeps half precision unasked" grep -q 'stored as  *f16,' <<<"$out"
run "$pix2pix" convert "$pth/f64.pth" "$work/f64.safetensors" --dtype f32
run "$pix2pix" inspect "$work/f64.safetensors"
check "and makes f32 of double where asked" grep -q 'stored as  *f32,' <<<"$out"
run "$pix2pix" convert "$work/zip.safetensors" "$work/back.pth" --direction BtoA
check "refuses what a .pth has no place for" is 2 "pix2pix: --direction, --crop-size, --test-norm: a state_dict has no place for them; leave the options out"

for name in out.ckpt out out.safetensor; do
    run "$pix2pix" convert "$model" "$work/$name"
    check "asks which format $name should have" is 2 "pix2pix: $work/$name: the name shows no format; end it in .safetensors, .pth or .onnx"
    check "and does not write $name" [ ! -e "$work/$name" ]
done
run bash -c '"$0" convert "$1" /dev/stdout | cat >"$2"' "$pix2pix" "$model" "$work/piped"
check "writes safetensors into a pipe" [ "$status$err" = 0 ]
run "$pix2pix" inspect "$work/piped"
check "which is whole" [ "$status" = 0 ]

run "$pix2pix" average "$model" "$model" --out "$work/mean.safetensors"
check "averages a checkpoint with itself" is 0 ""
run "$pix2pix" convert "$model" "$work/same.safetensors" --dtype f32
check "which gives the same weights" cmp -s "$work/mean.safetensors" "$work/same.safetensors"
run "$pix2pix" average "$model" "$work/zip.safetensors" --out "$work/x.safetensors"
check "refuses to average two networks" [ "$status$([ -e "$work/x.safetensors" ] && echo made)" = 1 ]
check "and explains why, naming the file" grep -q "^pix2pix: $model: has .*only checkpoints of one network can be averaged" <<<"$err"
run "$pix2pix" average "$model" --out "$work/x.safetensors"
check "asks for a second checkpoint to average" is 2 "pix2pix: $model: one checkpoint has no mean; give two or more of one training"
run "$pix2pix" average "$model" "$model"
check "average needs --out" is 2 "pix2pix: --out is missing: the file to write"

cp "$model" "$work/card.safetensors"
printf '{"title": "Houses", "input": "labels", "palette": [{"name": "sky", "colour": "#00AAFF"}]}' >"$work/card.json"
run "$pix2pix" inspect "$work/card.safetensors"
check "inspect shows the card beside a checkpoint" grep -q '^  title  *Houses$' <<<"$out"
check "with its palette" grep -q '^  palette  *#00aaff sky$' <<<"$out"
run "$pix2pix" convert "$work/card.safetensors" "$work/carded.safetensors"
check "convert copies the card into the output" is 0 ""
printf '{"title": "Streets", "line_width": 2, "palette": null, "parts": 1}' >"$work/meta.json"
run "$pix2pix" convert "$work/carded.safetensors" "$work/streets.safetensors" --meta "$work/meta.json" --dtype bf16
check "and changes it by --meta, naming keys that are not known" is 0 "$work/carded.safetensors: the key 'parts' is not known and ignored"
run "$pix2pix" inspect --json "$work/streets.safetensors"
check "which keeps the rest, in the order of the keys" [ "$(grep -A4 '"card": {' <<<"$out" | tr -d ' \n')" = '"card":{"title":"Streets","input":"labels","line_width":2},' ]
run "$pix2pix" inspect "$work/streets.safetensors"
check "and is not listed twice" [ "$(grep -c Streets <<<"$out")" = 1 ]
echo '{"title": ""}' >"$work/meta.json"
run "$pix2pix" convert "$model" "$work/x.safetensors" --meta "$work/meta.json"
check "refuses a malformed --meta in one line" is 1 "pix2pix: $work/meta.json: title: is empty: leave it out"
check "and writes nothing" [ ! -e "$work/x.safetensors" ]
run "$pix2pix" convert "$model" "$work/x.onnx" --meta "$work/meta.json"
check "refuses --meta for other formats" is 2 "pix2pix: --meta: only a safetensors file has a place for it; end the output in .safetensors"
run "$pix2pix" convert "$model" "$work/x.safetensors" --meta "$work/no.json"
check "names a --meta that is missing" grep -qx "pix2pix: $work/no.json: .*" <<<"$err"
echo 'title: Houses' >"$work/card.json"
run "$pix2pix" inspect "$work/card.safetensors"
check "refuses a .json beside a checkpoint that is no JSON" grep -qx "pix2pix: $work/card.json: not valid JSON: .*" <<<"$err"

finish
