#!/bin/sh
# The first process of a User-Mode Linux: mounts the image and lets the worker live on it until the power fails.
#
#     linux.uml … init=<this> ubd0=<image> tw_kind=ext4 tw_node=<node> tw_worker=<worker.mjs> tw_first=0 tw_life=1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t tmpfs tmp /run
mkdir /run/m
mount -t "$tw_kind" /dev/ubda /run/m || { echo "! cannot mount $tw_kind"; exit 1; }
(echo "$tw_first $tw_life /run/m/state"; exec sleep 100000) | "$tw_node" "$tw_worker" 1
echo "! the worker ended"
exec sleep 100000
