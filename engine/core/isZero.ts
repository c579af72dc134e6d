/** Whether all bytes are zero. Reads eight at a time where the array's alignment allows it. */
export function isZero(bytes: Uint8Array): boolean {
  const words = Math.floor(bytes.length / 8);
  if (bytes.byteOffset % 8 === 0) {
    const whole = new BigUint64Array(bytes.buffer, bytes.byteOffset, words);
    for (let at = 0; at < words; at += 1) if (whole[at] !== 0n) return false;
    return tailIsZero(bytes, words * 8);
  }
  return tailIsZero(bytes, 0);
}

function tailIsZero(bytes: Uint8Array, from: number): boolean {
  for (let at = from; at < bytes.length; at += 1) if (bytes[at] !== 0) return false;
  return true;
}
