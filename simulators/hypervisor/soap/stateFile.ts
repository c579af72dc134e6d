import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HypervisorModel } from '../model/hypervisorModel.ts';
import type { HostState } from '../model/state.ts';
import type { ServerCertificate } from './certificate.ts';

type Saved = { readonly certificate: ServerCertificate; readonly host: HostState };

/** Inventory and certificate as JSON, so that a restart keeps them. */
export class StateFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Undefined when there is none yet. Throws when the file is not a state of this simulator. */
  async load(): Promise<Saved | undefined> {
    const text = await readFile(this.#path, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code === 'ENOENT') return undefined;
      throw thrown;
    });
    return text === undefined ? undefined : (JSON.parse(text) as Saved);
  }

  /** Saves now and after every change, once per turn of the event loop. Returns the end of it, which saves last. */
  follow(model: HypervisorModel, certificate: ServerCertificate): () => void {
    let pending: NodeJS.Immediate | undefined;
    const save = (): void => {
      pending = undefined;
      mkdirSync(dirname(this.#path), { recursive: true });
      // The file holds the certificate's key.
      writeFileSync(`${this.#path}.new`, JSON.stringify({ certificate, host: model.save() }), { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
    };
    const stop = model.onChanged(() => {
      pending ??= setImmediate(save);
    });
    save();
    return () => {
      stop();
      if (pending !== undefined) clearImmediate(pending);
      save();
    };
  }
}
