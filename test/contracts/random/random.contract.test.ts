import { describe, expect, test } from 'vitest';
import { SystemRandom } from '#engine/adapters/random/SystemRandom.ts';
import { SimulatedRandom } from '#simulators/random/SimulatedRandom.ts';
import { randomContract } from './suite.ts';

randomContract('SystemRandom', () => new SystemRandom());
randomContract('SimulatedRandom', () => new SimulatedRandom('seed'));
randomContract('a fork of SimulatedRandom', () => new SimulatedRandom(7).fork('network').fork('master'));

const draws = (random: SimulatedRandom): number[] => Array.from({ length: 20 }, () => random.integer(1_000_000));

describe('chance from a seed', () => {
  test('is the same for the same seed and another for another', () => {
    expect(draws(new SimulatedRandom('site'))).toEqual(draws(new SimulatedRandom('site')));
    expect(draws(new SimulatedRandom('site'))).not.toEqual(draws(new SimulatedRandom('sitf')));
    expect(draws(new SimulatedRandom(1))).not.toEqual(draws(new SimulatedRandom(2)));
  });

  test('a fork does not depend on what was drawn before it', () => {
    const early = new SimulatedRandom('site');
    const late = new SimulatedRandom('site');
    draws(late);
    expect(draws(late.fork('disk'))).toEqual(draws(early.fork('disk')));
    expect(draws(early.fork('disk'))).not.toEqual(draws(early.fork('network')));
  });
});
