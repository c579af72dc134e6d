import { conductMutants } from './conductMutants.ts';
import type { Mutant } from './mutant.ts';
import { voteMutants } from './voteMutants.ts';

/** Each with its plan, on the whole site. */
export const siteMutants: readonly Mutant[] = [...voteMutants, ...conductMutants];
