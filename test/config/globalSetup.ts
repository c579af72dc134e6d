import { ensurePackages } from '#simulators/lab/packages.ts';

/** What the tests on real disks and interfaces need beside the lab's own packages. Chromium is only used where it is. */
const also = [{ program: 'sfdisk', package: 'fdisk' }];

export default async function setup(): Promise<void> {
  await ensurePackages({ also, say: (sentence) => process.stderr.write(`${sentence}\n`) });
}
