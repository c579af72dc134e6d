/** What the lab cannot do, as a sentence that says what to do instead. The lab is no party, so its errors are no faults. */
export class LabError extends Error {
  override readonly name = 'LabError';
}
