export const schemaVersion = 1;

/**
 * AUTOINCREMENT where a number must never come back: control remembers the last report it has seen, and the order of
 * the outbox is the order of asking.
 */
export const schema = `
  CREATE TABLE instances (
    instance TEXT PRIMARY KEY, machine TEXT NOT NULL, version TEXT NOT NULL, seq INTEGER NOT NULL,
    snapshot TEXT NOT NULL, input TEXT NOT NULL
  ) STRICT;
  CREATE TABLE log (
    position INTEGER PRIMARY KEY AUTOINCREMENT, instance TEXT NOT NULL, seq INTEGER NOT NULL, atMs INTEGER NOT NULL,
    event TEXT NOT NULL, dedup TEXT, taken TEXT NOT NULL CHECK (taken IN ('taken', 'stale')),
    UNIQUE (instance, dedup)
  ) STRICT;
  CREATE TABLE timers (
    instance TEXT NOT NULL, id TEXT NOT NULL, dueMs INTEGER NOT NULL, delayMs INTEGER NOT NULL,
    late TEXT NOT NULL CHECK (late IN ('fire', 'restart', 'skip')), event TEXT NOT NULL, armedSeq INTEGER NOT NULL,
    PRIMARY KEY (instance, id)
  ) STRICT;
  CREATE TABLE wishes (
    position INTEGER PRIMARY KEY AUTOINCREMENT, ticket TEXT NOT NULL UNIQUE, instance TEXT NOT NULL,
    name TEXT NOT NULL, args TEXT NOT NULL, askedAtMs INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE reports (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, atMs INTEGER NOT NULL, instance TEXT NOT NULL, code TEXT NOT NULL,
    params TEXT NOT NULL
  ) STRICT;
  PRAGMA user_version = ${schemaVersion};
`;
