/** The judge of the cluster test is judged: histories of which everybody knows whether they are linearizable. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fuzz } from '../fuzz/fuzz-runs.ts';
import { type Event, type Operation, RegisterCheck, type Value } from './linearizable.ts';

const write = (value: Value): Operation => ({ what: `write ${value}`, becomes: { value } });
const read = (value: Value): Operation => ({ what: `read ${value}`, accepts: (held) => held === value });
const isAbsent = (held: Value): boolean => held === undefined;
const create = (value: Value): Operation => ({
  what: `create ${value}`,
  accepts: isAbsent,
  becomes: { value },
});
const refusedCreate: Operation = { what: 'it exists', accepts: (held) => held !== undefined };

const begin = (operation: Operation): Event => ({ type: 'invoked', operation });
const end = (operation: Operation): Event => ({ type: 'answered', operation });
const lose = (operation: Operation): Event => ({ type: 'unknown', operation });
/** One after the other. */
const each = (...operations: Operation[]): Event[] => operations.flatMap((one) => [begin(one), end(one)]);

function unexplained(...events: Event[]): string | undefined {
  return new RegisterCheck().goOn(events)?.what;
}

describe('a register', () => {
  it('explains what is read after it was written', () => {
    assert.equal(unexplained(...each(read(undefined), write('a'), read('a'), write('b'), read('b'))), undefined);
    assert.equal(unexplained(...each(write('a'), write(undefined), read(undefined))), undefined);
  });

  it('does not explain a stale read after an answered write', () => {
    assert.equal(unexplained(...each(write('a'), write('b'), read('a'))), 'read a');
    assert.equal(unexplained(...each(write('a'), read(undefined))), 'read undefined');
    assert.equal(unexplained(...each(write('a'), write(undefined), read('a'))), 'read a');
  });

  it('does not explain a value that nobody wrote', () => {
    assert.equal(unexplained(...each(write('a'), read('c'))), 'read c');
    const early = write('b');
    assert.equal(unexplained(...each(read('b')), begin(early), end(early)), 'read b');
  });

  it('does not explain a lost update', () => {
    const [a, b] = [write('a'), write('b')];
    const both = [begin(a), begin(b), end(a), end(b)];
    assert.equal(unexplained(...both, ...each(read('a'), read('a'))), undefined);
    assert.equal(unexplained(...both, ...each(read('b'), read('b'))), undefined);
    assert.equal(unexplained(...both, ...each(read(undefined))), 'read undefined');
    assert.equal(unexplained(...both, ...each(read('a'), read('b'))), 'read b');
  });

  it('lets who reads during a write see either, but never go back', () => {
    const b = write('b');
    assert.equal(unexplained(...each(write('a')), begin(b), ...each(read('a'), read('b')), end(b)), undefined);
    assert.equal(unexplained(...each(write('a')), begin(b), ...each(read('b'), read('a')), end(b)), 'read a');
    const [one, other] = [read('a'), read('b')];
    const atOnce = [begin(one), begin(other), end(other), end(one)];
    assert.equal(unexplained(...each(write('a')), begin(b), ...atOnce, end(b)), undefined);
  });

  it('lets a write without an answer take effect later, or never, but once', () => {
    const lost = write('lost');
    const history = [begin(lost), lose(lost), ...each(write('a'), read('a'))];
    assert.equal(unexplained(...history), undefined);
    assert.equal(unexplained(...history, ...each(read('lost'))), undefined);
    assert.equal(unexplained(...history, ...each(read('lost'), write('b'), read('lost'))), 'read lost');
    assert.equal(unexplained(...each(read('lost')), begin(lost), lose(lost)), 'read lost');
    const again = write('lost');
    const twice = [...history, begin(again), end(again)];
    assert.equal(unexplained(...twice, ...each(read('lost'), write('b'), read('lost'))), undefined);
    assert.equal(
      unexplained(...twice, ...each(read('lost'), write('b'), read('lost'), write('c'), read('lost'))),
      'read lost',
    );
  });

  it('lets a removal without an answer make room for a creation', () => {
    const [lost, create1] = [write(undefined), create('c')];
    assert.equal(unexplained(...each(create('a'), create('b'))), 'create b');
    assert.equal(unexplained(...each(create('a')), begin(lost), lose(lost), ...each(create('b'))), undefined);
    assert.equal(unexplained(...each(create('a')), begin(lost), lose(lost), ...each(create('b'), create1)), 'create c');
    assert.equal(unexplained(...each(refusedCreate)), 'it exists');
    assert.equal(unexplained(...each(create('a'), refusedCreate, write(undefined), refusedCreate)), 'it exists');
    // Two without an answer, of which the second one needs the first.
    const unanswered = create('d');
    const chain = [begin(lost), lose(lost), begin(unanswered), lose(unanswered)];
    assert.equal(unexplained(...each(create('a')), ...chain, ...each(read('d'))), undefined);
    assert.equal(unexplained(...each(create('a')), begin(unanswered), lose(unanswered), ...each(read('d'))), 'read d');
  });

  it('goes on where it stopped, and has its wits about it after thousands of unanswered writes', () => {
    const check = new RegisterCheck();
    for (let n = 0; n < 2_000; n++) {
      const lost = write(`lost ${n}`);
      const events = [begin(lost), lose(lost), ...each(write(`${n}`), read(`${n}`))];
      assert.equal(check.goOn(events), undefined);
    }
    assert.equal(check.goOn(each(read('lost 7'))), undefined);
    assert.equal(check.goOn(each(read('1999')))?.what, 'read 1999');
  });

  it('is not confused by hundreds of creations and removals without an answer', () => {
    const check = new RegisterCheck();
    for (let n = 0; n < 300; n++) {
      const [created, removed, reader] = [create(`lost ${n}`), write(undefined), read(`${n}`)];
      const lost = [begin(created), lose(created), begin(removed), lose(removed)];
      const next = create(`${n}`);
      const events = [
        begin(reader),
        ...lost,
        begin(next),
        end(next),
        end(reader),
        ...each(refusedCreate, write(undefined)),
      ];
      assert.equal(check.goOn(events), undefined);
    }
    assert.equal(check.goOn(each(create('a'), read('lost 7'), read('lost 299'))), undefined);
    assert.equal(check.goOn(each(read('lost 7')))?.what, 'read lost 7');
  });
});

/** Tries every order: slow, and too simple to be wrong. */
function bruteForce(operations: readonly Timed[], value: Value = undefined): boolean {
  const answered = operations.filter(({ lost }) => !lost);
  if (answered.length === 0) return true;
  const firstEnd = Math.min(...answered.map(({ until }) => until));
  return operations.some(({ operation, from }, index) => {
    if (from > firstEnd || !(operation.accepts?.(value) ?? true)) return false;
    const rest = operations.filter((_, other) => other !== index);
    return bruteForce(rest, operation.becomes === undefined ? value : operation.becomes.value);
  });
}

interface Timed {
  readonly operation: Operation;
  readonly from: number;
  readonly until: number;
  readonly lost: boolean;
}

const value = fc.constantFrom<Value>('a', 'b', undefined);
const operation = fc.oneof(
  value.map(write),
  value.map(read),
  value.map(read),
  fc.constantFrom('a', 'b').map(create),
  fc.constant(0).map(() => ({ ...refusedCreate })),
);
/** Ends of different operations never fall on one moment. */
const timed = fc.record({
  operation,
  from: fc.integer({ min: 0, max: 12 }),
  length: fc.integer({ min: 1, max: 5 }),
  lost: fc.integer({ min: 0, max: 3 }).map((drawn) => drawn === 0),
});
const histories = fc.array(timed, { minLength: 1, maxLength: 7 }).map((list) =>
  list.map(
    ({ operation: one, from, length, lost }, index): Timed => ({
      operation: one,
      from: 100 * from + 2 * index,
      until: 100 * (from + length) + 2 * index + 1,
      lost,
    }),
  ),
);

function eventsOf(operations: readonly Timed[]): Event[] {
  return operations
    .flatMap(({ operation: one, from, until, lost }) => [
      { at: from, event: begin(one) },
      { at: until, event: lost ? lose(one) : end(one) },
    ])
    .sort((a, b) => a.at - b.at)
    .map(({ event }) => event);
}

describe('the search', () => {
  it('says of random histories what trying every order says', () => {
    const seen = { yes: 0, no: 0 };
    fc.assert(
      fc.property(histories, (operations) => {
        const expected = bruteForce(operations);
        seen[expected ? 'yes' : 'no'] += 1;
        assert.equal(new RegisterCheck().goOn(eventsOf(operations)) === undefined, expected);
      }),
      fuzz(3_000),
    );
    assert.ok(seen.yes > 300 && seen.no > 300, JSON.stringify(seen));
  });
});
