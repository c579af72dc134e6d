// A workload as a process of its own: `writer.ts <device> <bytes> <writes> <seed>`. Writes past the page cache, each one
// durable before the next, and says at the end how many it made.
import { closeSync, constants, openSync, writeSync } from 'node:fs';

declare const WebAssembly: {
  readonly Memory: new (descriptor: { initial: number }) => { readonly buffer: ArrayBuffer };
};

const [device = '', bytesText = '0', writesText = '0', seedText = '1'] = process.argv.slice(2);
const sectors = Number(bytesText) / 512;
const memory = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer);
const file = openSync(device, constants.O_WRONLY | constants.O_DIRECT | constants.O_DSYNC);
let state = Number(seedText);
const random = (below: number): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};
for (let made = 1; made <= Number(writesText); made += 1) {
  const length = 512 * (1 + random(32));
  memory.fill(made, 0, length);
  writeSync(file, memory, 0, length, 512 * random(sectors - 32));
}
closeSync(file);
process.stdout.write(`${writesText}\n`);
