#!/bin/sh
# The first process of a User-Mode Linux whose disk remembers every write: dm-log-writes under the file system.
#
#     ubd0 <── log-writes ──> ubd1: writes, flushes and marks in order
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t tmpfs tmp /run
mkdir /run/m
fail() { echo "! $1"; exec sleep 100000; }
modules="/usr/lib/uml/modules/$(uname -r)/kernel/drivers/md"
for name in dm-mod dm-log-writes; do busybox insmod "$modules/$name.ko" || fail "$name"; done
sectors=$(blockdev --getsz /dev/ubda)
dmsetup create lw --noudevsync --table "0 $sectors log-writes /dev/ubda /dev/ubdb" || fail "dmsetup create"
mount -t "$tw_kind" /dev/dm-0 /run/m || fail "mount"
"$tw_node" "$tw_worker" /run/m/state "$tw_calls"
echo "! the worker ended"
exec sleep 100000
