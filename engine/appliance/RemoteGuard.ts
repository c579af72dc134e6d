import type { Intent } from '#machines/parties/intent.ts';
import type { GuardDescription, GuardTerms, MasterGuard } from '#machines/parties/masterGuard.ts';
import type { Epoch, HostAddress, ScenarioId } from '#machines/vocabulary.ts';
import { remoteCall } from './remoteCall.ts';
import type { Line } from './remoteCall.ts';

/** The guard on a master as the appliance reaches it: one object a scenario. */
export class RemoteGuard implements MasterGuard {
  readonly #line: Line;
  readonly #scenario: ScenarioId;

  constructor(line: Line, scenario: ScenarioId) {
    this.#line = line;
    this.#scenario = scenario;
  }

  describe(at: HostAddress): Promise<GuardDescription> {
    return remoteCall(this.#line, at, 'guard.describe', { scenarioId: this.#scenario });
  }

  async arm({ at, ...terms }: GuardTerms, intent: Intent): Promise<void> {
    await remoteCall(this.#line, at, 'guard.arm', { terms, intent }, intent);
  }

  async disarm(at: HostAddress, intent: Intent): Promise<void> {
    await remoteCall(this.#line, at, 'guard.disarm', { intent }, intent);
  }

  async isolate(at: HostAddress, intent: Intent): Promise<void> {
    await remoteCall(this.#line, at, 'guard.isolate', { intent }, intent);
  }

  async rejoin({ commandedIn, ...at }: HostAddress & { readonly commandedIn: Epoch }, intent: Intent): Promise<void> {
    await remoteCall(this.#line, at, 'guard.rejoin', { commandedIn, intent }, intent);
  }
}
