export type Severity = 'critical' | 'error' | 'warning' | 'significant' | 'information';

export type CatalogueRecord = {
  /** `[C|E|W|S|I]` the severity, `[R|M]` replication or management, and a number: what an administrator searches for. */
  readonly number: string;
  readonly severity: Severity;
  readonly ja: string;
  readonly en: string;
};
