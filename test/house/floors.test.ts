import { describe, expect, it } from 'vitest';
import { sources } from './sources.ts';
import type { Source } from './sources.ts';

/** What a room may import, and what to do instead when it wants more. */
type Floor = { readonly room: string; readonly may: readonly RegExp[]; readonly instead: string };

const own = (room: string) => new RegExp(`^(#${room}/|\\.{1,2}/)`);

/** The first floor that matches a path is its floor: the special before the general. */
const floors: readonly Floor[] = [
  {
    room: 'machines/',
    may: [/^xstate/, own('machines')],
    instead: 'charts and treaties know no world: voice a wish, or add a method to a party',
  },
  {
    room: 'engine/core/',
    may: [/^#machines\//, /^#engine\/(core|protocol)\//, /^\.\//],
    instead: 'the core is pure: take the party by constructor',
  },
  {
    room: 'engine/protocol/',
    may: [/^#machines\//, /^#engine\/protocol\//, /^\.{1,2}\//],
    instead: 'the protocol is pure: parse and build bytes, let an adapter carry them',
  },
  {
    room: 'engine/adapters/',
    may: [
      /^#machines\//,
      /^#engine\/(core|protocol|adapters)\//,
      /^\.{1,2}\//,
      /^node:/,
      /^(saxes|@peculiar\/x509|reflect-metadata|commander)$/,
    ],
    instead: 'an adapter fills a party and knows nobody above it',
  },
  {
    room: 'engine/main.ts',
    may: [/^#machines\//, own('engine'), /^node:/, /^zod$/],
    instead: 'only composition roots choose adapters',
  },
  {
    room: 'engine/',
    may: [/^#machines\//, /^#engine\/(?!adapters\/)/, /^\.{1,2}\/(?!adapters)/],
    instead: 'take the party by constructor; engine/main.ts chooses the adapter',
  },
  {
    room: 'control/adapters/',
    may: [
      /^#machines\//,
      /^#engine\/(core|protocol)\//,
      /^#control\//,
      /^\.{1,2}\//,
      /^node:/,
      /^(fastify|@fastify\/.*|zod)$/,
    ],
    instead: 'an adapter fills an interface of control',
  },
  {
    room: 'control/main.ts',
    may: [
      /^#machines\//,
      own('control'),
      /^#engine\/(adapters|protocol)\//,
      // Control may host the third voter.
      /^#engine\/(Engine|witness\/Witness)\.ts$/,
      /^node:/,
      /^(zod|commander)$/,
    ],
    instead: 'only composition roots choose adapters',
  },
  {
    room: 'control/cli.ts',
    may: [/^#machines\//, own('control'), /^#engine\/protocol\//, /^node:/, /^commander$/],
    instead: 'the command line speaks to /api and nothing else',
  },
  {
    room: 'control/',
    may: [
      /^#machines\//,
      /^#engine\/protocol\//,
      /^#control\/(?!adapters\/)/,
      /^\.{1,2}\/(?!adapters)/,
      /^(fastify|zod)/,
    ],
    instead: 'take the interface by constructor; control/main.ts chooses the adapter',
  },
  {
    room: 'simulators/lab/',
    may: [/^#(machines|simulators)\//, /^#engine\//, /^#control\//, /^\.{1,2}\//, /^node:/],
    instead: 'the lab is a composition root of real processes',
  },
  {
    room: 'simulators/',
    may: [
      /^#(machines|simulators)\//,
      /^#engine\/(?!adapters\/)/,
      /^#control\/(?!adapters\/)/,
      /^\.{1,2}\//,
      /^(saxes|@peculiar\/x509|reflect-metadata|commander|xstate)$/,
      /^node:/,
    ],
    instead: 'a simulator never imports an adapter',
  },
];

const floorOf = ({ path }: Source): Floor | undefined => floors.find(({ room }) => path.startsWith(room));

/** Imports that a file's floor forbids, each with what to do instead. */
export function violations(all: readonly Source[]): string[] {
  return all.flatMap((source) => {
    const floor = floorOf(source);
    if (!floor) return [];
    return source.imports
      .filter((specifier) => !floor.may.some((allowed) => allowed.test(specifier)))
      .map((specifier) => `${source.path} imports ${specifier}: ${floor.instead}`);
  });
}

describe('floors (house, section 2)', () => {
  it('every room imports only what it may', () => {
    expect(violations(sources('machines', 'engine', 'control', 'simulators'))).toEqual([]);
  });

  it('notices a chart that reads a file and an engine that chooses an adapter', () => {
    const guilty: Source[] = [
      { path: 'machines/scenario/x.ts', text: '', imports: ['node:fs'] },
      { path: 'engine/replica/x.ts', text: '', imports: ['#engine/adapters/clock/SystemClock.ts'] },
    ];
    expect(violations(guilty)).toHaveLength(2);
  });

  it('a relative path never leaves its room', () => {
    const leaving = sources('machines', 'engine', 'control', 'simulators', 'test').flatMap(({ path, imports }) => {
      const depth = path.split('/').length - 2;
      return imports
        .filter((specifier) => (specifier.match(/\.\.\//g)?.length ?? 0) > depth)
        .map((specifier) => `${path} imports ${specifier}: use #room/… instead`);
    });
    expect(leaving).toEqual([]);
  });
});
