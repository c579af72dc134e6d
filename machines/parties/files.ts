/**
 * Files of the engine itself: spool segments, state, secrets. Paths are absolute. Never a replica disk.
 * Faults: `notFound`, `diskFull`.
 */
export interface Files {
  /** The whole file, or undefined when there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Replaces the file atomically and durably (write aside, flush, rename). Makes parent folders. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  remove(path: string): Promise<void>;
  /** Names in a folder, sorted; empty when the folder is missing. */
  list(folder: string): Promise<readonly string[]>;
  /** Opens for appending and reading, created when missing. */
  openLog(path: string): Promise<LogFile>;
}

/** An append-only file. */
export interface LogFile {
  readonly bytes: number;
  append(bytes: Uint8Array): Promise<void>;
  /** Resolves when everything appended is on stable storage. */
  flush(): Promise<void>;
  /** Reads up to `length` bytes; shorter at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>;
  truncate(bytes: number): Promise<void>;
  close(): Promise<void>;
}
