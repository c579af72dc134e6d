/** A managed object as the API names it. */
export type Ref = { readonly type: string; readonly id: string };

/** A fault of the vim API: its name in the schema, and its own properties. */
export class VimFault extends Error {
  readonly faultName: string;
  readonly details: Readonly<Record<string, string | number | Ref>>;

  constructor(faultName: string, details: Readonly<Record<string, string | number | Ref>> = {}, message = faultName) {
    super(message);
    this.name = 'VimFault';
    this.faultName = faultName;
    this.details = details;
  }
}
