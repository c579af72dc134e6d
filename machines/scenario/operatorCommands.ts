import type { TestMode } from '#machines/assuredRecovery/facts.ts';
import type { DataRecoveryFact } from '#machines/dataRecovery/facts.ts';
import { dataRecoveryCommands } from '#machines/dataRecovery/refusals.ts';
import type { SwitchbackFact } from '#machines/switchback/facts.ts';
import { switchbackCommands } from '#machines/switchback/refusals.ts';
import type { SyncMethod } from '#machines/vocabulary.ts';

/** An operator's commands, with what each needs to be told (guide 8-1, 8-2, 10-1; guide product 6.2, 12). */
export type ScenarioCommand =
  | {
      readonly command: 'run';
      /** The choice of the Run dialog, for this run (guide 8-3). */
      readonly syncMethod?: SyncMethod;
      readonly ignoreSameSizeAndTime?: boolean;
    }
  | { readonly command: 'stop' }
  | {
      readonly command: 'switchover';
      /** The dialog's two check boxes (guide product 6.2). */
      readonly waitForJournals: boolean;
      readonly reverseAfterwards?: boolean;
    }
  | {
      /** The operator vouches that the master is off; the name is typed, so that it is no slip. */
      readonly command: 'assertMasterOff';
      readonly masterName: string;
      readonly by?: string;
    }
  | { readonly command: 'giveUpSwitchover' }
  | { readonly command: 'suspend' }
  | { readonly command: 'resume' }
  | { readonly command: 'announceMaintenance'; readonly forMs: number }
  | { readonly command: 'endMaintenance' }
  | {
      /** Guide 9-1, 9-2. */
      readonly command: 'startTest';
      readonly mode: TestMode;
    }
  | {
      /** Guide 9-5; a manual test is judged by whoever has looked. */
      readonly command: 'endTest';
      readonly verdict?: 'passed' | 'failed';
    }
  | { /** Guide OS-6. */ readonly command: 'seedArrived' }
  | CommandOf<SwitchbackFact | DataRecoveryFact>;
/** What a capability's own facts say of its commands. */
type CommandOf<Facts extends { readonly type: string }> = Facts extends { readonly type: `operator.${infer Name}` }
  ? { readonly command: Name } & Omit<Facts, 'type' | 'atMs'>
  : never;
export type OperatorCommand = ScenarioCommand['command'];

export const operatorCommands = [
  'run',
  'stop',
  'switchover',
  'assertMasterOff',
  'giveUpSwitchover',
  'suspend',
  'resume',
  'announceMaintenance',
  'endMaintenance',
  'startTest',
  'endTest',
  'seedArrived',
  ...switchbackCommands,
  ...dataRecoveryCommands,
] as const satisfies readonly OperatorCommand[];
