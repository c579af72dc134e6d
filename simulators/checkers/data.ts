import { invariant } from './observation.ts';

/** The data, by the numbers of the master's writes: what the double holds is what the master once was (D). */
export const dataInvariants = [
  invariant(
    'D1',
    'What is given to a double is the disks after exactly one write, not older than acknowledged.',
    () => {
      let acknowledged = 0;
      return {
        acknowledged: ({ upTo }) => void (acknowledged = Math.max(acknowledged, upTo)),
        presented: ({ role, prefix }) => {
          if (prefix === undefined) return `the ${role} was given disks that the master never had`;
          return prefix < acknowledged
            ? `the ${role} was given write ${prefix}, although ${acknowledged} had been acknowledged`
            : undefined;
        },
      };
    },
  ),

  invariant('D2', 'What was acknowledged is there after any crash of the appliance.', () => {
    let acknowledged = 0;
    return {
      acknowledged: ({ upTo }) => void (acknowledged = Math.max(acknowledged, upTo)),
      synchronizing: () => void (acknowledged = 0),
      recovered: ({ upTo }) =>
        upTo < acknowledged
          ? `found write ${upTo} after the restart, although ${acknowledged} was acknowledged`
          : undefined,
    };
  }),

  invariant('D3', 'Writes are applied in their order, without holes.', () => {
    let last = 0;
    return {
      synchronizing: () => void (last = 0),
      recovered: ({ upTo }) => void (last = upTo),
      applied: ({ id }) => {
        const hole = last > 0 && id > last + 1;
        const before = last;
        last = Math.max(last, id);
        return hole ? `write ${id} was applied after ${before}` : undefined;
      },
    };
  }),

  invariant('D8', 'A replica that is being synchronized is given to nobody.', () => {
    const half = new Set<string>();
    return {
      synchronizing: ({ image }) => void half.add(image),
      synchronized: ({ image }) => void half.delete(image),
      vm: ({ role, powered, disks, name }) => {
        if (role === 'other' || !powered) return undefined;
        const broken = disks.find((path) => half.has(path));
        return broken === undefined ? undefined : `${name} runs on ${broken}, which is only half synchronized`;
      },
    };
  }),

  invariant('D12', 'The loss that is told is never smaller than the real one.', () => ({
    lossReported: ({ writes, completed, prefix }) =>
      writes < completed - prefix ? `${writes} lost writes were told, ${completed - prefix} were lost` : undefined,
  })),

  invariant(
    'D13',
    'A restored machine boots only with the substitute VM off and unplugged, and both sides equal.',
    () => {
      const alive = new Set<string>();
      return {
        vm: ({ vmId, role, powered, connected }) => {
          if (role === 'substituteVm' && (powered || connected)) alive.add(vmId);
          else alive.delete(vmId);
          return undefined;
        },
        vmGone: ({ vmId }) => void alive.delete(vmId),
        targetRestarted: ({ equal }) => {
          if (alive.size > 0) return 'the machine boots although the substitute VM may still serve';
          return equal ? undefined : 'the machine boots although its disks differ';
        },
      };
    },
  ),

  invariant('D14', 'No disk of the machine is written to before an operator has confirmed the mapping.', () => {
    let confirmed = false;
    return {
      told: ({ code }) => {
        if (code === 'mappingConfirmed') confirmed = true;
        if (code === 'targetVerificationStarted') confirmed = false;
        return undefined;
      },
      targetWritten: () => (confirmed ? undefined : 'a disk was overwritten that nobody had named'),
    };
  }),

  invariant('D15', 'One writer an image: appliance or VM, never both.', () => {
    const writers = new Map<string, string>();
    return {
      opened: ({ image, by }) => {
        const other = writers.get(image);
        writers.set(image, by);
        return other !== undefined && other !== by ? `${by} opened ${image} while ${other} had it` : undefined;
      },
      closed: ({ image, by }) => {
        if (writers.get(image) === by) writers.delete(image);
        return undefined;
      },
    };
  }),
];
