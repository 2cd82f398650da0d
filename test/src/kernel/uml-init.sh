#!/bin/sh
# The first process of a User-Mode Linux: mounts the image and lets the worker live on it until the power fails.
#
#     linux.uml … init=<this> ubd0=<image> tw_kind=ext4 tw_node=<node> tw_worker=<worker.mjs> tw_first=0 tw_life=1
. "${0%/*}/guest-prelude.sh"
mount -t "$tw_kind" /dev/ubda /run/m || fail "cannot mount $tw_kind"
(echo "$tw_first $tw_life /run/m/state"; exec sleep 100000) | "$tw_node" "$tw_worker" 1
fail "the worker ended"
