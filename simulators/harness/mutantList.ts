import { fenceMutants } from './fenceMutants.ts';
import type { Mutant } from './mutant.ts';
import { siteMutants } from './siteMutants.ts';

export const mutants: readonly Mutant[] = [...siteMutants, ...fenceMutants];
