#!/bin/bash
# How the daemon counts CPUs and memory, divides them and says so. Arguments: see tests/server/harness.
# shellcheck source=tests/server/harness
. "$(dirname "$0")/harness"

mkdir -p models
"$make_checkpoint" models/m.safetensors unet_32 4 3 3 1 || exit 1
online=$(getconf _NPROCESSORS_ONLN)
said() { grep -q -- "$1" log || { head log; return 1; }; }

# start() fixes the workers; these leave them open, and stop once they listen.
launch() { # launch OPTIONS...
    : >address
    "$@" --listen 127.0.0.1:0 --models models --dtype f32 >address 2>log &
    pid=$!
    daemons+=("$pid")
    for ((i = 0; i < 1800; i++)); do
        [ -s address ] && break
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    stop
}

launch taskset -c 0 "$pix2pixd"
ok 'the affinity mask counts' said "CPUs: 1 used, of 1 in the affinity mask and $online online.*; 1 worker with 1 thread\$"
launch taskset -c 0 "$pix2pixd" --cpus 3 --workers 3
ok '--cpus overrides it' said 'CPUs: 3 used (--cpus), of 1 in the affinity mask .*; 3 workers with 1 thread$'
PIX2PIXD_CPUS=2 launch "$pix2pixd" --workers 1
ok 'so does the variable' said 'CPUs: 2 used (--cpus).*; 1 worker with 2 threads$'
launch taskset -c 0 "$pix2pixd" --pin --workers 1
ok 'a single worker is never pinned' said '; 1 worker with 1 thread$'
if [ "$online" -gt 1 ] && [ "$(nproc)" = "$online" ]; then
    launch "$pix2pixd" --workers 2 --threads-per-worker 1 --pin
    ok '--pin pins several workers' said '; 2 workers with 1 thread, pinned$'
    launch "$pix2pixd" --workers 2 --threads-per-worker 1
    ok 'several workers on all CPUs are not pinned without it' said '; 2 workers with 1 thread$'
fi
launch "$pix2pixd" --workers 1 --memory-limit 1000GiB
ok 'limits above the memory that there is are warned of' said 'warning that and .* more than .* lower --memory-limit or --request-memory$'
launch "$pix2pixd" --workers 1
fits() {
    if grep -q 'lower --memory-limit' log || ! grep -q 'memory at most' log; then
        cat log
        return 1
    fi
}
ok 'the defaults fit into it' fits
refused() { "$pix2pixd" --log-level error --models models --check-config "$@" 2>&1 | grep -qx 'pix2pixd: --memory-limit and --request-memory: at least 1MiB, or 0'; }
ok 'limits below 1 MiB are refused' refused --memory-limit 1023KiB
ok 'for requests, too' refused --request-memory 1
done_testing
