#!/bin/sh
# The first process of a User-Mode Linux whose disk remembers every write: dm-log-writes under the file system.
#
#     ubd0 <── log-writes ──> ubd1: writes, flushes and marks in order
. "${0%/*}/guest-prelude.sh"
load dm-mod dm-log-writes
sectors=$(blockdev --getsz /dev/ubda)
dmsetup create lw --noudevsync --table "0 $sectors log-writes /dev/ubda /dev/ubdb" || fail "dmsetup create"
mount -t "$tw_kind" /dev/dm-0 /run/m || fail "mount"
"$tw_node" "$tw_worker" /run/m/state "$tw_calls"
fail "the worker ended"
