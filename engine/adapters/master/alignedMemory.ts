/** The part of the WebAssembly API used here; Node's own type definitions leave it out. */
declare const WebAssembly: {
  readonly Memory: new (descriptor: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
};

const wasmPageBytes = 65_536;

/**
 * Slots of memory that a direct read (O_DIRECT) accepts. The kernel demands buffers aligned to the device's sectors;
 * `Buffer` and `ArrayBuffer` come from malloc and are not, the memory of a `WebAssembly.Memory` starts on a page.
 * The number of slots also bounds how many reads are under way at once.
 */
export class AlignedSlots {
  readonly slotBytes: number;
  readonly #free: Uint8Array[] = [];
  readonly #waiting: ((slot: Uint8Array) => void)[] = [];

  /** `slotBytes` is a multiple of 65 536. */
  constructor(options: { readonly slots: number; readonly slotBytes: number }) {
    if (options.slotBytes % wasmPageBytes !== 0) throw new RangeError('a slot is a multiple of 64 KiB');
    this.slotBytes = options.slotBytes;
    const pages = (options.slots * options.slotBytes) / wasmPageBytes;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    for (let slot = 0; slot < options.slots; slot += 1) {
      this.#free.push(new Uint8Array(memory.buffer, slot * options.slotBytes, options.slotBytes));
    }
  }

  /** Lends a slot to `work`, waiting in order of arrival until one is free. */
  async use<Result>(work: (slot: Uint8Array) => Promise<Result>): Promise<Result> {
    const slot = this.#free.pop() ?? (await new Promise<Uint8Array>((resolve) => this.#waiting.push(resolve)));
    try {
      return await work(slot);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(slot);
      else next(slot);
    }
  }
}
