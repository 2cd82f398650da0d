# What the first process of each User-Mode Linux does first; sourced.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t tmpfs tmp /run
mkdir /run/m
# Init must not end: the kernel would stop before the host has read why.
fail() { echo "! $1"; exec sleep 100000; }
# Mapped devices are no part of Debian's kernel for it, only of its modules.
load() {
  for name in "$@"; do
    busybox insmod "/usr/lib/uml/modules/$(uname -r)/kernel/drivers/md/$name.ko" || fail "$name"
  done
}
