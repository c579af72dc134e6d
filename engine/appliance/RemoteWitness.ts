import type { Intent } from '#machines/parties/intent.ts';
import type { Promised, VoterView, Witness } from '#machines/parties/witness.ts';
import type { HostAddress, ScenarioId } from '#machines/vocabulary.ts';
import { remoteCall } from './remoteCall.ts';
import type { Line } from './remoteCall.ts';

/** The witness as the appliance reaches it: one object a scenario. */
export class RemoteWitness implements Witness {
  readonly #line: Line;
  readonly #scenario: ScenarioId;

  constructor(line: Line, scenario: ScenarioId) {
    this.#line = line;
    this.#scenario = scenario;
  }

  read(at: HostAddress): Promise<VoterView & { readonly node: string }> {
    return remoteCall(this.#line, at, 'witness.read', { scenarioId: this.#scenario });
  }

  claim(
    {
      host,
      port,
      quietForMs,
      generation,
    }: HostAddress & { readonly quietForMs: number; readonly generation?: string | undefined },
    intent: Intent,
  ): Promise<Promised> {
    return remoteCall(this.#line, { host, port }, 'witness.claim', { quietForMs, generation, intent }, intent);
  }

  async release(at: HostAddress, intent: Intent): Promise<void> {
    await remoteCall(this.#line, at, 'witness.release', { intent }, intent);
  }
}
