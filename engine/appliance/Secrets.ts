import { PartyFault } from '#machines/faults.ts';
import type { Files } from '#machines/parties/files.ts';

/** Write-only to the outside: a secret goes in by name and only ever leaves towards the party it opens. */
export class Secrets {
  readonly #files: Files;
  readonly #folder: string;
  readonly #values = new Map<string, { readonly value: string; readonly generation: number }>();

  constructor(files: Files, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  async load(): Promise<void> {
    for (const name of await this.#files.list(this.#folder)) {
      const bytes = await this.#files.read(`${this.#folder}/${name}`);
      if (bytes) this.#keep(name, new TextDecoder().decode(bytes));
    }
  }

  async put(name: string, value: string): Promise<void> {
    if (!/^[\w.-]{1,64}$/.test(name))
      throw new PartyFault('invalidSpec', { field: 'name', reason: '1–64: A–Z a–z 0–9 _ . -' });
    await this.#files.write(`${this.#folder}/${name}`, new TextEncoder().encode(value));
    this.#keep(name, value);
  }

  /** Throws rather than trying an empty password: a host counts it as a failed login. */
  get(name: string): string {
    const kept = this.#values.get(name);
    if (!kept)
      throw new PartyFault('invalidSpec', {
        field: 'hypervisor.secretName',
        reason: `no secret is stored under ${name}`,
      });
    return kept.value;
  }

  /** Changes whenever the secret is put again. */
  generation(name: string): number {
    return this.#values.get(name)?.generation ?? 0;
  }

  #keep(name: string, value: string): void {
    this.#values.set(name, { value, generation: this.generation(name) + 1 });
  }
}
