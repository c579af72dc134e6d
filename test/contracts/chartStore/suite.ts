import { beforeEach, describe, expect, test } from 'vitest';
import type { ChartChange, ChartStore, StoredInstance, StoredTimer, StoredWish } from '#machines/parties/chartStore.ts';

export type ChartStoreBench = {
  readonly store: ChartStore;
  /** The process ends and the next one opens the store. */
  readonly reopen: () => ChartStore;
};

const stored = (seq: number, instance = 'scenario/1'): StoredInstance => ({
  instance,
  machine: 'scenario',
  version: '1',
  seq,
  snapshot: JSON.stringify({ value: 'stopped', seq }),
  input: '{"name":"影武者"}',
});
export const change = (
  instance: StoredInstance,
  expectedSeq?: number,
  more: Partial<ChartChange> = {},
): ChartChange => ({
  instance,
  expectedSeq,
  timersSet: [],
  timersDeleted: [],
  wishesAdded: [],
  wishesDone: [],
  reportsAdded: [],
  ...more,
});
const timer = (id: string, dueMs: number, armedSeq = 1, instance = 'scenario/1'): StoredTimer => ({
  instance,
  id,
  dueMs,
  delayMs: 300_000,
  late: 'restart',
  event: '{"type":"deadline"}',
  armedSeq,
});
const wish = (ticket: string, instance = 'scenario/1'): StoredWish => ({
  ticket,
  instance,
  name: 'hypervisor.powerOnVm',
  args: '{"vmId":"vm-1"}',
  askedAtMs: 1000,
});
const logged = (seq: number, dedup?: string) => ({
  seq,
  atMs: 1_700_000_000_000 + seq,
  event: '{"type":"operator.run"}',
  ...(dedup === undefined ? {} : { dedup }),
  taken: 'taken' as const,
});
const report = (code: string) => ({ atMs: 5, instance: 'scenario/1', code, params: '{"state":"replicating"}' });

export function chartStoreContract(name: string, bench: () => ChartStoreBench): void {
  describe(`${name} keeps the contract of ChartStore`, () => {
    let store: ChartStore;
    let reopen: () => ChartStore;
    beforeEach(() => {
      ({ store, reopen } = bench());
    });

    test('an empty store has nothing', () => {
      expect(store.load('scenario/1')).toBeUndefined();
      expect([store.instances(), store.timers(), store.outbox(), store.reports(0, 10)]).toEqual([[], [], [], []]);
      expect(store.history('scenario/1')).toEqual([]);
    });

    test('everything of a commit comes back, in the next process too', () => {
      store.commit(
        change(stored(0), undefined, {
          log: logged(0, 'command-1'),
          timersSet: [timer('deadline', 9_000_000_000_000)],
          wishesAdded: [wish('t1')],
          reportsAdded: [report('state')],
        }),
      );
      store.commit(change(stored(3, 'a'), undefined));
      for (const open of [() => store, reopen]) {
        const found = open();
        expect(found.load('scenario/1')).toEqual(stored(0));
        expect(found.instances()).toEqual(['a', 'scenario/1']);
        expect(found.history('scenario/1')).toEqual([logged(0, 'command-1')]);
        expect(found.timers()).toEqual([timer('deadline', 9_000_000_000_000)]);
        expect(found.outbox()).toEqual([wish('t1')]);
        expect(found.reports(0, 10)).toEqual([{ seq: 1, ...report('state') }]);
      }
    });

    test('refuses another sequence number than the stored one, and changes nothing', () => {
      store.commit(change(stored(1)));
      store.commit(change(stored(2), 1));
      const more = {
        log: logged(9),
        timersSet: [timer('x', 1)],
        wishesAdded: [wish('x')],
        reportsAdded: [report('x')],
      };
      expect(() => store.commit(change(stored(3), 1, more))).toThrow('scenario/1');
      expect(() => store.commit(change(stored(3), undefined, more))).toThrow('scenario/1');
      expect(() => store.commit(change(stored(3, 'new'), 2, more))).toThrow('new');
      expect(store.load('scenario/1')).toEqual(stored(2));
      expect([store.timers(), store.outbox(), store.reports(0, 9), store.history('scenario/1')]).toEqual([
        [],
        [],
        [],
        [],
      ]);
      expect(store.instances()).toEqual(['scenario/1']);
    });

    test('refuses an event it has logged already, and changes nothing', () => {
      store.commit(change(stored(1), undefined, { log: logged(1, 'answer-7') }));
      expect(() =>
        store.commit(change(stored(2), 1, { log: logged(2, 'answer-7'), wishesAdded: [wish('t')], wishesDone: ['u'] })),
      ).toThrow('answer-7');
      expect(store.load('scenario/1')?.seq).toBe(1);
      expect(store.outbox()).toEqual([]);
      expect(store.hasDedup('scenario/1', 'answer-7')).toBe(true);
      expect(store.hasDedup('scenario/1', 'answer-8')).toBe(false);
      expect(store.hasDedup('scenario/2', 'answer-7')).toBe(false);
    });

    test('the same key in two charts, and entries without a key, are no duplicates', () => {
      store.commit(change(stored(1), undefined, { log: logged(1, 'k') }));
      store.commit(change(stored(1, 'other'), undefined, { log: logged(1, 'k') }));
      store.commit(change(stored(2), 1, { log: logged(2) }));
      store.commit(change(stored(3), 2, { log: { ...logged(2), taken: 'stale' } }));
      expect(store.history('scenario/1').map((entry) => entry.taken)).toEqual(['taken', 'taken', 'stale']);
      expect(store.history('other')).toEqual([logged(1, 'k')]);
    });

    test('timers: by due time; armed anew in the same commit that deletes it stays; deleting is the own chart’s', () => {
      store.commit(
        change(stored(1), undefined, { timersSet: [timer('late', 30), timer('soon', 10), timer('mid', 20)] }),
      );
      store.commit(change(stored(1, 'other'), undefined, { timersSet: [timer('mid', 15, 1, 'other')] }));
      store.commit(
        change(stored(2), 1, {
          timersDeleted: ['mid', 'late', 'none'],
          timersSet: [timer('late', 40, 2), timer('soon', 5, 2)],
        }),
      );
      expect(store.timers().map((found) => [found.instance, found.id, found.dueMs, found.armedSeq])).toEqual([
        ['scenario/1', 'soon', 5, 2],
        ['other', 'mid', 15, 1],
        ['scenario/1', 'late', 40, 2],
      ]);
    });

    test('outbox: oldest first until answered; a ticket twice is refused', () => {
      store.commit(change(stored(1), undefined, { wishesAdded: [wish('t9'), wish('t1')] }));
      store.commit(change(stored(1, 'other'), undefined, { wishesAdded: [wish('t5', 'other')] }));
      store.commit(change(stored(2), 1, { wishesAdded: [wish('t0')], wishesDone: ['t1'] }));
      expect(store.outbox().map((found) => found.ticket)).toEqual(['t9', 't5', 't0']);
      expect(store.outbox('scenario/1').map((found) => found.ticket)).toEqual(['t9', 't0']);
      expect(() => store.commit(change(stored(3), 2, { wishesAdded: [wish('t9')] }))).toThrow('t9');
      expect(store.load('scenario/1')?.seq).toBe(2);
    });

    test('reports: numbered from 1 without gaps, read onwards from any number', () => {
      store.commit(change(stored(1), undefined, { reportsAdded: [report('a'), report('b')] }));
      expect(() => store.commit(change(stored(1), undefined, { reportsAdded: [report('lost')] }))).toThrow();
      store.commit(change(stored(2), 1, { reportsAdded: [report('c')] }));
      const again = reopen();
      again.commit(change(stored(3), 2, { reportsAdded: [report('d')] }));
      expect(again.reports(0, 10).map((found) => `${found.seq}${found.code}`)).toEqual(['1a', '2b', '3c', '4d']);
      expect(again.reports(1, 2).map((found) => found.code)).toEqual(['b', 'c']);
      expect(again.reports(4, 2)).toEqual([]);
    });

    test('a closed store refuses', () => {
      store.close();
      expect(() => store.instances()).toThrow();
      expect(() => store.commit(change(stored(1)))).toThrow();
    });
  });
}
