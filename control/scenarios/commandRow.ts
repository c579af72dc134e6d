import { z } from 'zod';
import type { OperatorCommand, ScenarioCommand } from '#machines/scenario/operatorCommands.ts';
import type { Sentences } from './problem.ts';

type Details<Name extends OperatorCommand> = Omit<Extract<ScenarioCommand, { command: Name }>, 'command'>;

/** An option of the command line and the field of the body it fills: its own name unless another is given. */
export type CommandOption = {
  readonly flags: string;
  readonly description: string;
  readonly field?: string;
  readonly read?: (text: string) => unknown;
};

export type CommandRow<Name extends OperatorCommand> = {
  /** Under `/api/scenarios/:id/`, and the name on the command line. */
  readonly path: string;
  /** English, for the help of the command line. */
  readonly description: string;
  readonly body: z.ZodType<Details<Name>>;
  /** What the body has to hold; absent where it is empty. */
  readonly rule?: Sentences;
  /** What a body in a file is not needed for. */
  readonly options?: readonly CommandOption[];
};

export type CommandRows<Name extends OperatorCommand> = { readonly [Each in Name]: CommandRow<Each> };

/** The body of a command that needs no more than its name. */
export const noDetails = z.strictObject({});
