#!/bin/bash
# pix2pix dataset, black box. Arguments: the pix2pix binary.
set -u
pix2pix=$1
dir=$(mktemp -d /tmp/px-dataset-XXXXXX)
trap 'rm -rf "$dir"' EXIT
n=0
check() { # sentence, command...
  local sentence=$1
  shift
  n=$((n + 1))
  if "$@" >"$dir/out" 2>&1; then echo "ok $n - $sentence"; else
    echo "not ok $n - $sentence"
    sed 's/^/# /' "$dir/out"
  fi
}
count() { find "$dir/$1" -name '*.png' | wc -l; }
status() { # wanted status, text wanted on stderr, command...
  local want=$1 text=$2
  shift 2
  "$@" 2>"$dir/err"
  [ $? = "$want" ] && grep -q -- "$text" "$dir/err" && [ "$(wc -l <"$dir/err")" = 1 ]
}
splits() { [ "$(count a/train) $(count a/val) $(count a/test)" = '6 2 2' ]; }
apart() { ! cmp -s "$dir/a/train/0001.png" "$dir/a/val/0001.png" && ! cmp -s "$dir/a/val/0001.png" "$dir/a/test/0001.png"; }
wide() { [ "$(od -An -tx1 -j16 -N8 "$dir/c/train/0001.png")" = ' 00 00 00 80 00 00 00 40' ]; }

draw() { "$pix2pix" dataset "$@" 2>"$dir/made"; }

check 'six pictures are drawn' draw facades --count 6 --seed 5 --out "$dir/a"
check 'a quarter of them, rounded up, each for val and test' splits
check 'the splits show different houses' apart
check 'fewer pictures of the same seed are drawn' "$pix2pix" dataset facades --count 2 --seed 5 --out "$dir/b"
check 'a picture does not depend on how many there are' cmp "$dir/a/train/0002.png" "$dir/b/train/0002.png"
check 'another size is drawn' "$pix2pix" dataset facades --count 1 --size 64 --out "$dir/c"
check 'a pair is twice as wide as high' wide
check 'another data set is refused with status 2' status 2 "'facades'" "$pix2pix" dataset shoes --out "$dir/d"
check 'a missing --out is refused with status 2' status 2 '--out' "$pix2pix" dataset facades
check 'a folder that cannot be made is named, status 1' status 1 "$dir/a/train/0001.png" "$pix2pix" dataset facades --out "$dir/a/train/0001.png/x"
check 'a folder inside a missing one is refused, status 1' status 1 "$dir/no/such: cannot create the folder" "$pix2pix" dataset facades --count 1 --out "$dir/no/such"
check 'and nothing is created' [ ! -e "$dir/no" ]
check 'a missing folder is created, and said' grep -qx "created the folder $dir/a" "$dir/made"
echo "1..$n"
