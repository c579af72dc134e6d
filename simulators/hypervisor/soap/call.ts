import type { Session } from '../model/sessionBook.ts';
import type { HypervisorModel } from '../model/hypervisorModel.ts';
import { VimFault } from '../model/vimFault.ts';
import type { TaskResult } from '../model/taskBook.ts';
import type { Ground } from './ground.ts';
import type { SimulatedHost } from './hostIdentity.ts';
import type { Reader } from './managedObjects.ts';
import type { UpdateCollector } from './propertyCollector.ts';
import type { SelectedObject } from './selection.ts';
import { moRef } from './wireValue.ts';
import type { MoRef, WireValue } from './wireValue.ts';

/** What lives and dies with a session. */
export class SessionState {
  readonly views = new Map<string, () => readonly MoRef[]>();
  readonly collectors = new Map<string, UpdateCollector>();
  /** Rest of a long RetrievePropertiesEx, by token. */
  readonly pages = new Map<string, { readonly rest: readonly SelectedObject[]; readonly maxObjects: number }>();
  #counter = 0;

  nextId(prefix: string): string {
    this.#counter += 1;
    return `${prefix}${this.#counter}`;
  }
}

/** One call of a method, as its code sees it. */
export type Call = {
  readonly host: SimulatedHost;
  readonly model: HypervisorModel;
  readonly ground: Ground;
  readonly self: MoRef;
  readonly params: Readonly<Record<string, WireValue | undefined>>;
  readonly method: string;
  readonly session: Session | undefined;
  readonly state: SessionState;
  readonly reader: Reader;
  /** Ends the session, or starts one, on the connection's cookie. */
  readonly setSession: (session: Session | undefined) => void;
};

export type MethodCode = (call: Call) => WireValue | undefined | Promise<WireValue | undefined>;

/** Starts a task and gives its reference. Faults: `TaskInProgress`. */
export function startTask(call: Call, operation: () => TaskResult | Promise<TaskResult>): WireValue {
  const { self, model, method } = call;
  const entityName = self.type === 'VirtualMachine' ? model.vm(self.id).name : self.id;
  const task = model.tasks.start({ method, entity: { type: self.type, id: self.id }, entityName }, operation);
  return moRef('Task', task.id);
}

/** Faults: `InvalidArgument`. */
export function required<Value>(value: Value | undefined, invalidProperty: string): Value {
  if (value === undefined) throw new VimFault('InvalidArgument', { invalidProperty });
  return value;
}
