#!/bin/sh
# The first process of a User-Mode Linux in which one block of the log cannot be written, once; then the disk is well.
#
#     linear ─ writer: a ✓ ─ that block: error ─ b ✗ ─ killed ─ linear ─ next process: shows …, c ✓ ─ waits for the power cut
. "${0%/*}/guest-prelude.sh"
load dm-mod
sectors=$(blockdev --getsz /dev/ubda)
dmsetup create d --noudevsync --table "0 $sectors linear /dev/ubda 0" || fail "dmsetup create"
mount -t "$tw_kind" /dev/dm-0 /run/m || fail "mount"
table() {
  dmsetup suspend --nolockfs --noudevsync d && echo "$1" | dmsetup load d && dmsetup resume --noudevsync d || fail "table"
}
"$tw_node" "$tw_worker" write /run/m/state /run/go &
while [ ! -s /run/go.ready ]; do sleep 0.1; done
file=$(cat /run/go.ready)
# The block that holds the end of the log: what is appended next goes there.
block=$(filefrag -b512 -v "$file" | awk '/^ *[0-9]+:/ { gsub(/[.:]/, " "); first = $4 } END { print first }')
size=$(stat -c %s "$file")
block=$((block + size / 4096 * 8))
after=$((block + 8))
table "0 $block linear /dev/ubda 0
$block 8 error
$after $((sectors - after)) linear /dev/ubda $after"
echo go > /run/go
wait
table "0 $sectors linear /dev/ubda 0"
"$tw_node" "$tw_worker" next /run/m/state
fail "the next process ended"
