#!/bin/bash
# The commands of README.md that begin with `$ build/pix2pix` work as they are there. Arguments: pix2pix,
# pix2pix-train, README.md, make_pth.py.
set -u
# shellcheck source=tests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
root=$(dirname "$(realpath "$3")")
make_pth=$(realpath "$4")
tools=$(realpath "$1")
trainer=$(realpath "$2")

cd "$work" || exit 1
mkdir -p build deploy/models
ln -s "$tools" build/pix2pix
ln -s "$trainer" build/pix2pix-train
cp "$root"/deploy/models/{grey2colour,day2night}.{safetensors,json} deploy/models/

# The same commands on a small scale: the last of several equal options counts.
small() {
    case $1 in
    *' dataset '*) echo "$1 --count 4 --size 64" ;;
    *pix2pix-train*) echo "$1 --netG unet_32 --ngf 4 --ndf 4 --load-size 32 --crop-size 32 --n-epochs 2
        --n-epochs-decay 0 --save-epoch-freq 1 --threads 1" | tr '\n' ' ' ;;
    *) echo "$1" ;;
    esac
}

sed -n 's/^    \$ \(build\/pix2pix.*\)/\1/p' "$root/README.md" >commands
check "README.md has commands" [ "$(wc -l <commands)" -ge 12 ]

# Training first, because it makes what the others are given.
while read -r command; do
    run bash -c "$(small "$command")"
    check "${command%% #*}" [ "$status" = 0 ]
done < <(grep -E ' dataset |pix2pix-train' commands)
cp houses.safetensors NAME.safetensors
cp houses.safetensors IN.safetensors
python3 "$make_pth" houses.safetensors plain latest_net_G.pth
python3 "$make_pth" houses.safetensors netg-ema checkpoint.pth
cp -r facades DIR
build/pix2pix translate --model NAME.safetensors --pairs facades/val -o sketches 2>/dev/null
while read -r command; do
    run bash -c "$(small "$command")"
    check "${command%% #*}" [ "$status" = 0 ]
done < <(grep -vE ' dataset |pix2pix-train' commands)

finish
