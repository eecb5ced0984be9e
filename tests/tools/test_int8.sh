#!/bin/bash
# int8 checkpoints from outside: convert --calibrate and inspect. Arguments: pix2pix, fixture,
# make_checkpoint.
set -u
# shellcheck source=tests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
pix2pix=$(realpath "$1")
fixture=$(realpath "$2")
cd "$work" || exit 1

"$fixture" model m.safetensors 3 3 || exit 1
mkdir inputs pairs empty broken root
"$fixture" picture inputs/a.png 32 32 && "$fixture" picture inputs/b.jpg 50 40 || exit 1
echo hello >inputs/c.png
"$fixture" picture pairs/a.png 64 32 && "$fixture" picture pairs/b.png 80 40 || exit 1
echo hello >broken/a.png
ln -s ../pairs root/train

run "$pix2pix" convert m.safetensors q.safetensors --dtype int8
check "refuses int8 without pictures, and says what to give" is 2 "pix2pix: --dtype int8: needs pictures to find its ranges with: give --calibrate DIR, a folder of some dozen inputs"
run "$pix2pix" convert m.safetensors q.pth --dtype int8 --calibrate inputs
check "refuses a .pth of int8" is 2 "pix2pix: --dtype int8: only a safetensors file has a place for it; end the output in .safetensors"
run "$pix2pix" convert m.safetensors q.safetensors --dtype f32 --calibrate inputs
check "refuses pictures for nothing" is 2 "pix2pix: --calibrate: is for --dtype int8 or bf16; leave the option out"
run "$pix2pix" convert m.safetensors q.safetensors --dtype int8 --calibrate nowhere
check "names a folder that is missing" is 1 "pix2pix: nowhere: cannot open the folder: No such file or directory"
run "$pix2pix" convert m.safetensors q.safetensors --dtype int8 --calibrate empty
check "names a folder without pictures" is 1 "pix2pix: empty: holds no .png, .jpg or .jpeg to calibrate with, nor does its train/"
run "$pix2pix" convert m.safetensors q.safetensors --dtype int8 --calibrate broken
check "names a folder without one that can be read" [ "$status" = 1 ]
check "in one line" [ "$(tail -1 <<<"$err")" = "pix2pix: broken: none of its pictures can be used to calibrate with" ]
check "and lists what it could not read" grep -q '^left out: broken/a.png: .* neither a PNG nor a JPEG' <<<"$err"
run "$pix2pix" convert m.safetensors q.safetensors --dtype int8 --calibrate inputs --min-psnr 100
check "refuses a goal out of reach" grep -q '^pix2pix: no layer can be int8 and keep a PSNR of 100 dB' <<<"$err"
run "$pix2pix" convert m.safetensors nowhere/q.safetensors --dtype int8 --calibrate inputs --min-psnr 20
check "says before it calibrates where it cannot write" is 1 "pix2pix: nowhere/q.safetensors: cannot create: No such file or directory"
check "and writes nothing in all that" [ ! -e q.safetensors ]

run "$pix2pix" convert m.safetensors q.safetensors --dtype int8 --calibrate inputs --min-psnr 20
check "makes int8 of the pictures that it can read" [ "$status" = 0 ]
check "and lists the one that it cannot" grep -q '^left out: inputs/c.png: ' <<<"$err"
check "says how many layers" grep -qx 'int8: 9 of 10 layers' <<<"$out"
check "says how close they are to f32" grep -qx 'against f32 on 2 pictures of 32x32: PSNR mean [0-9.]* dB, worst [0-9.]* dB; SSIM mean [0-9.]*, worst [0-9.]* (.*)' <<<"$out"
check "shows how far it is, a line for each step" grep -qx 'calibrating: layer 3 of 9, 2 pictures' <<<"$err"
check "the file is less than a third of f32's" [ "$(stat -c %s q.safetensors)" -lt $(($(stat -c %s m.safetensors) / 3)) ]
"$pix2pix" convert m.safetensors q2.safetensors --dtype int8 --calibrate inputs --min-psnr 20 >/dev/null 2>&1
check "the same again gives equal bytes" cmp -s q.safetensors q2.safetensors
cp m.safetensors same.safetensors
"$pix2pix" convert same.safetensors same.safetensors --dtype int8 --calibrate inputs --min-psnr 20 >/dev/null 2>&1
check "and so does writing over what it reads" cmp -s q.safetensors same.safetensors
check "nothing else is left" [ -z "$(find . -name '*.tmp-*')" ]
run "$pix2pix" inspect q.safetensors
check "inspect calls it int8" grep -q 'stored as  *int8, ' <<<"$out"
check "counts its layers" grep -qx 'layers, 9 of 10 int8' <<<"$out"
check "tells which is not" grep -qx '  model.model.0  *bf16' <<<"$out"
check "and which is" grep -qx '  model.model.3  *int8' <<<"$out"
run "$pix2pix" inspect --tensors q.safetensors
check "lists the scales" grep -q '^  model.model.3.input_scale  *f32  *8$' <<<"$out"
run "$pix2pix" inspect --json q.safetensors
check "tells the same as JSON" [ "$(grep -c '"dtype": "int8"' <<<"$out")" = 10 ]

run "$pix2pix" convert q.safetensors q2.safetensors --dtype int8 --calibrate inputs
check "makes no int8 of int8" is 1 "pix2pix: q.safetensors: is int8 already: convert what it was made from"
run "$pix2pix" convert q.safetensors same.safetensors
check "keeps int8 where no type is given" cmp -s q.safetensors same.safetensors
run "$pix2pix" convert q.safetensors f.safetensors --dtype f32
check "makes f32 of it" is 0 ""
run "$pix2pix" inspect f.safetensors
check "that is f32" grep -q 'stored as  *f32, ' <<<"$out"
check "and as large as before" [ "$(stat -c %s f.safetensors)" = "$(stat -c %s m.safetensors)" ]
"$pix2pix" convert f.safetensors f.onnx
run "$pix2pix" convert q.safetensors q.onnx
check "exports ONNX with the same weights" cmp -s f.onnx q.onnx
"$pix2pix" convert q.safetensors q.pth
run "$pix2pix" convert q.pth from.onnx
check "and a .pth" cmp -s f.onnx from.onnx

run env ONEDNN_MAX_CPU_ISA=AVX2 "$pix2pix" convert m.safetensors a.safetensors --dtype int8 --calibrate inputs --min-psnr 20
check "needs no CPU with int8" grep -q '(emulated in f32, for this CPU has no int8)$' <<<"$out"

run "$pix2pix" convert m.safetensors p.safetensors --dtype int8 --calibrate pairs --calibrate-count 1 --min-psnr 20
check "takes the input half of training pairs" grep -qx 'pairs: pairs A|B, of which AtoB takes the left half' <<<"$err"
check "and no more than it may" grep -q 'on 1 picture of 32x32' <<<"$out"
run "$pix2pix" convert m.safetensors p.safetensors --dtype int8 --calibrate root --direction BtoA --min-psnr 20
check "the right half for BtoA, and train/ of a data set" grep -qx 'root: pairs A|B, of which BtoA takes the right half' <<<"$err"
run "$pix2pix" convert m.safetensors b.safetensors --dtype bf16 --calibrate inputs
check "compares bf16 with f32 too" grep -q '^against f32 on 2 pictures of 32x32: PSNR mean ' <<<"$out"
"$pix2pix" convert m.safetensors b2.safetensors --dtype bf16
check "and writes what it writes without" cmp -s b.safetensors b2.safetensors

finish
