#!/bin/busybox sh
# The whole guest: finds the workload's partition, verifies its records, says so on the serial lines, stays up.
/bin/busybox mkdir -p /proc /sys /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox --install -s /bin
export PATH=/bin
exec </dev/null >/dev/ttyS0 2>&1

name=kagemusha
for word in $(cat /proc/cmdline); do
  case $word in kagemusha.hostname=*) name=${word#*=} ;; esac
done
hostname "$name"

while read -r module; do insmod "/modules/$module"; done </modules/order

# Disks appear some time after their controller's driver.
tries=0
partition=
while [ -z "$partition" ] && [ $tries -lt 300 ]; do
  for candidate in /dev/sd?2 /dev/vd?2 /dev/nvme?n?p2; do
    [ -b "$candidate" ] || continue
    label=$(dd if="$candidate" bs=512 count=1 2>/dev/null | head -n 1)
    case $label in "KAGEMUSHA-WORKLOAD slots="*) partition=$candidate slots=${label#*slots=} && break ;; esac
  done
  [ -n "$partition" ] || sleep 0.1
  tries=$((tries + 1))
done

# The guest keeps its address even when the VM has no network card, or one whose driver the kernel lacks.
address=10.0.2.15
ifconfig lo 127.0.0.1 up
card=lo:0
for found in /sys/class/net/*; do
  [ "${found##*/}" = lo ] || card=${found##*/}
done
ifconfig "$card" $address netmask 255.255.255.0 up

# The boot loader leaves the cursor behind its escape sequences.
echo
echo "KAGEMUSHA-GUEST-UP hostname=$name disk=${partition:-none} uptime=$(cut -d ' ' -f 1 /proc/uptime)"
if [ -n "$partition" ]; then
  /verifyRecords.sh "$partition" 1 "$slots"
else
  echo 'KAGEMUSHA-GUEST problem=noWorkloadPartition'
fi
echo "tools running hostname=$name ip=$address" >/dev/ttyS1

while :; do sleep 3600; done
