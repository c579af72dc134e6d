import { defineConfig } from 'vitest/config';

/** Real disks, sockets and VMs are shared resources: the files that use them run one after the other. */
export default defineConfig({
  root: new URL('../..', import.meta.url).pathname,
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/config/globalSetup.ts',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
