import type { Clock } from '#machines/parties/clock.ts';
import type { CheckAnswer, GuestChecks } from '#machines/parties/guestChecks.ts';
import type { ServiceCheck } from '#machines/vocabulary.ts';
import { SimulatedGuestChecks } from '#simulators/guestChecks/SimulatedGuestChecks.ts';
import type { HypervisorModel } from '#simulators/hypervisor/model/hypervisorModel.ts';

/** What the guests of a site's VMs answer when they are asked whether they work. */
export class SimulatedGuests {
  /** By the check's name: yes when it is not said. */
  readonly answers = new Map<string, CheckAnswer>();
  /** The checks that a guest has said yes to, by its VM. */
  readonly passed = new Map<string, Set<string>>();
  readonly #model: HypervisorModel;

  constructor(model: HypervisorModel) {
    this.#model = model;
  }

  party(process: Clock): GuestChecks {
    return new SimulatedGuestChecks({ clock: process, whatAnswers: (vmId, check) => this.#ask(vmId, check) });
  }

  #ask(vmId: string, { name }: ServiceCheck): CheckAnswer | undefined {
    if (this.#model.findVm(vmId)?.guest.tools !== 'guestToolsRunning') return undefined;
    const answer = this.answers.get(name) ?? { outcome: 'passed' as const, evidence: 'simulated' };
    if (answer.outcome === 'passed') this.passed.set(vmId, (this.passed.get(vmId) ?? new Set()).add(name));
    return answer;
  }
}
