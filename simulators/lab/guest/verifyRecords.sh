#!/bin/busybox sh
# Verifies the workload's records in one pass: verifyRecords.sh FILE SKIP_MIB SLOTS
# Slots of 4 KiB start SKIP_MIB into FILE. The format is simulators/lab/workloadRecords.ts.
# A partly written record after the last complete one is what a power cut leaves: torn, not corrupt.
dd if="$1" bs=1048576 skip="$2" count="$(($3 / 256 + ($3 % 256 > 0)))" 2>/dev/null | strings -t d -n 30 | awk -v slots="$3" '
{
  slot = int($1 / 4096)
  if (slot >= slots) next
  # The 1 in front, since busybox reads digits after a zero as octal.
  number = ("1" $3) - 10000000000; check = ("1" $5) - 10000000000
  sector = ($1 % 4096) / 512
  if (NF != 5 || $2 != "KAGEMUSHA" || $4 != sector || (number % slots) * 10007 % slots != slot || check != (number * 48271 + sector * 7919) % 2147483647) {
    bad[slot] = 1
    next
  }
  if (number > top[slot] + 0) { top[slot] = number; have[slot] = 0 }
  if (number == top[slot]) have[slot]++
}
END {
  for (slot in top) if (have[slot] == 8 && !(slot in bad)) { found[top[slot]] = 1; if (top[slot] > last) last = top[slot] }
  for (slot in top) if (have[slot] != 8 && !(slot in bad)) { if (top[slot] == last + 1) torn = 1; else corrupt++ }
  for (slot in bad) corrupt++
  # A torn write has taken the place of the oldest one.
  low = last - slots + 1 + torn
  for (number = (low > 1 ? low : 1); number <= last; number++) {
    if (number in found) { if (!writes++) first = number } else missing++
  }
  printf "KAGEMUSHA-GUEST writes=%.0f first=%.0f last=%.0f missing=%.0f corrupt=%.0f torn=%.0f\n", writes, first, last, missing, corrupt, torn
}'
