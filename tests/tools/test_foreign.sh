#!/bin/bash
# Checkpoints as other people's programs write them. Arguments: pix2pix, pix2pixd, make_pth.py.
set -u
# shellcheck source=tests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
pix2pix=$(realpath "$1")
pix2pixd=$(realpath "$2")
make_pth=$(realpath "$3")
corpus=$(realpath "$(dirname "$0")/../fuzz/corpus")

make_file() {
    python3 "$make_pth" "$corpus/safetensors/user_metadata.safetensors" "$1" "$2"
}

convert() {
    rm -f "$work/out.safetensors"
    run "$pix2pix" convert "$@" "$work/out.safetensors"
}

# shellcheck disable=SC2317 # called by check
same() {
    [ "$status" = 0 ] && cmp "$work/out.safetensors" "$work/plain.safetensors"
}

# refused PART: the last run failed and said so in one line.
# shellcheck disable=SC2317 # called by check
refused() {
    [ "$status" = 1 ] && [ "$(wc -l <<<"$err")" = 1 ] && grep -qF -- "$1" <<<"$err"
}

make_file plain "$work/plain.pth" || exit 1
"$pix2pix" convert "$work/plain.pth" "$work/plain.safetensors" || exit 1

for file in full generator orig_mod state_dict_epoch numpy_scalar generator_protocol4 chinese_folder; do
    convert "$corpus/pth/$file.pth"
    check "takes the generator of $file.pth" same
done
for kind in dict protocol3 protocol4 protocol5 legacy2 legacy3 legacy4 legacy5 deflated zip64 \
    folder-umlaut folder-chinese folder-emoji data-parallel compiled compiled-parallel \
    parallel-compiled compiled-inside lightning state-dict full generator params-ema model \
    model-protocol5 nested-deeper list ordered-subclass defaultdict averaged counted twice \
    netg.safetensors wrapped.safetensors; do
    make_file $kind "$work/$kind"
    convert "$work/$kind"
    check "takes the only generator of a file of the kind '$kind'" same
done
for file in module orig_mod user_metadata; do
    convert "$corpus/safetensors/$file.safetensors"
    check "takes the generator of $file.safetensors" [ "$status" = 0 ]
    run "$pix2pix" convert "$work/out.safetensors" "$work/$file.pth"
    convert "$work/$file.pth"
    check "with the same weights" same
done
run "$pix2pix" inspect "$corpus/safetensors/user_metadata.safetensors"
check "notes metadata that it ignores" grep -q "^  note .*dropout '0.5' is ignored" <<<"$out"
convert "$work/lightning"
check "notes what it leaves out" grep -q "the generator is 'state_dict/netG'; 4 other tensors" <<<"$err"

for kind in ema ema.safetensors; do
    make_file $kind "$work/$kind"
    convert "$work/$kind"
    check "asks which of two generators is meant ($kind)" \
        refused "the file holds 2 generators (params, params_ema); choose one with"
    convert --key params_ema "$work/$kind"
    check "takes the one that --key names ($kind)" same
    convert --key params "$work/$kind"
    check "or the other ($kind)" [ "$status" = 0 ]
    check "which differs ($kind)" [ "$(cmp "$work/out.safetensors" "$work/plain.safetensors" | wc -l)" = 1 ]
done
convert --key ema "$work/ema"
check "lists the keys if none fits" refused "--key ema: no generator has that name; the file holds: params, params_ema"
run "$pix2pix" inspect --key params "$work/ema"
check "describes the generator that --key names" [ "$status" = 0 ]
make_file cyclegan "$work/cyclegan"
convert --key netG_A "$work/cyclegan"
check "takes one of CycleGAN's generators" same

make_file other "$work/other"
convert "$work/other"
check "names the first tensor of a stranger" refused "'encoder.conv1.weight', and the known name nearest to that is"
check "and what was not read" refused "'args' is an object of the Python class argparse.Namespace"
make_file renamed "$work/renamed"
convert "$work/renamed"
check "names the tensor that does not fit, and the nearest" \
    refused "'model.modle.0.weight', and the known name nearest to that is 'model.model.0.weight'"
make_file only-args "$work/only-args"
convert "$work/only-args"
check "refuses a file without tensors" refused "the file holds no tensors; not read: 'args' is"
make_file whole-module "$work/whole-module"
convert "$work/whole-module"
check "refuses a whole module by its class" refused "the Python class 'models.networks.UnetGenerator'"
make_file nested-module "$work/nested-module"
convert "$work/nested-module"
check "and within a dict" refused "'netG' is an object of the Python class models.networks.UnetGenerator"
make_file bomb "$work/bomb"
convert "$work/bomb"
check "does not inflate a small file to a large one" refused "which is too much for a file of this size"
for file in pth/one_nan.pth safetensors/nan.safetensors; do
    run "$pix2pix" inspect "$corpus/$file"
    check "inspect refuses NaN ($file)" refused "tensor 'model.model.0.weight' holds NaN at [0, 0, 0, 0]"
    for suffix in safetensors pth onnx; do
        run "$pix2pix" convert "$corpus/$file" "$work/nan.$suffix"
        check "convert to .$suffix refuses NaN ($file)" \
            refused "tensor 'model.model.0.weight' holds NaN at [0, 0, 0, 0]"
    done
done

# Discriminators, and the states of pix2pix-train.
make_file discriminator "$work/latest_net_D.pth"
convert "$work/latest_net_D.pth"
check "converts a discriminator" [ "$status" = 0 ]
cp "$work/out.safetensors" "$work/D.safetensors"
run "$pix2pix" convert "$work/D.safetensors" "$work/D.pth"
check "and back" [ "$status" = 0 ]
convert "$work/D.pth"
check "to the same weights" cmp "$work/out.safetensors" "$work/D.safetensors"
convert --dtype bf16 "$work/D.pth"
check "or in bf16" [ "$(wc -c <"$work/out.safetensors")" -lt "$(wc -c <"$work/D.safetensors")" ]
make_file state "$work/state"
for file in full lightning state; do
    key=netD
    [ $file = state ] && key=D
    convert "$work/$file" --key "$key"
    check "takes the discriminator of $file by its key" cmp "$work/out.safetensors" "$work/D.safetensors"
    convert "$work/$file"
    check "and the generator without" same
done
run "$pix2pix" convert "$work/D.pth" "$work/D.onnx"
check "exports no discriminator" is 2 "pix2pix: $work/D.pth: this is a discriminator, and only generators are exported"
convert "$work/D.pth" --direction BtoA
check "refuses options that are for generators" [ "$status" = 2 ]
convert "$work/full" --key netE
check "knows when neither has the key" refused "--key netE: no generator has that name"

# make NAME: a file that is something else; the message PART says what.
looks_like() {
    run "$pix2pix" inspect "$work/something.safetensors"
    check "knows $1 given as safetensors" refused "$2"
    cp "$work/something.safetensors" "$work/something.pth"
    run "$pix2pix" inspect "$work/something.pth"
    check "knows $1 given as .pth" refused "$2"
}
something() {
    cat >"$work/something.safetensors"
}
something <"$corpus/pth/lfs_pointer.pth"
looks_like "a Git LFS pointer" "this is a Git LFS pointer, not the file that it stands for; fetch that with: git lfs pull"
printf '\n<!DOCTYPE html>\n<html><head><title>Log in</title></head></html>\n' | something
looks_like "an HTML page" "this is an HTML page, not a checkpoint"
gzip -c "$work/plain.pth" | something
looks_like "gzip" "this is a gzip file; unpack it with gunzip"
tar -C "$work" -c plain.pth | something
looks_like "a tar archive" "unpack it"
something <"$corpus/image/rgb.png"
looks_like "a PNG picture" "this is a PNG picture, not a checkpoint"
something <"$corpus/image/baseline.jpg"
looks_like "a JPEG picture" "this is a JPEG picture, not a checkpoint"
something </dev/null
looks_like "an empty file" "the file is empty"
head -c 5000 /dev/zero | something
looks_like "a file of zeros" "the file begins with zeros: its download is incomplete"
printf '{"weight_map": {"model.model.0.weight": "a.safetensors"}}' | something
looks_like "JSON" "this is JSON"
"$pix2pix" convert "$work/plain.pth" "$work/plain.onnx"
something <"$work/plain.onnx"
looks_like "ONNX" "this is an ONNX model, and those are only written"
python3 -c 'import zipfile; zipfile.ZipFile("'"$work"'/zip", "w").write("'"$work"'/plain.pth", "x/plain.pth")'
something <"$work/zip"
looks_like "a zip archive of something else" "a zip archive, but not one of torch.save()"

# The daemon and translate read safetensors only, and say what to do with others.
mkdir "$work/pth" "$work/wrong" "$work/nan"
cp "$work/plain.pth" "$work/pth/latest_net_G.pth"
cp "$work/plain.pth" "$work/wrong/latest_net_G.safetensors"
cp "$corpus/safetensors/nan.safetensors" "$work/nan"
run timeout 20 "$pix2pixd" --listen 127.0.0.1:0 --log-level error --models "$work/pth"
check "the daemon says how to convert a folder of .pth files" \
    refused "convert $work/pth/latest_net_G.pth $work/pth/latest_net_G.safetensors"
run timeout 20 "$pix2pixd" --listen 127.0.0.1:0 --log-level error --models "$work/wrong"
check "and knows a .pth under another name" refused "probably a .pth of PyTorch; convert it with: pix2pix convert"
run timeout 20 "$pix2pixd" --listen 127.0.0.1:0 --log-level error --models "$work/nan"
check "and refuses a model that is not finite" refused "tensor 'model.model.0.weight' holds NaN"

python3 - "$work/long.safetensors" <<'EOF'
import struct, sys
open(sys.argv[1], 'wb').write(struct.pack('<Q', 3 << 20) + b'{"x":[' + b'0,' * (3 << 20))
EOF
run "$pix2pix" inspect "$work/long.safetensors"
check "does not parse a header of 3 MB" refused "is over 1048576: not a safetensors file of a generator"
finish
