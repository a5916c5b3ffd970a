import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CofferError } from '@coffer/base';
import {
  boolean,
  entry,
  integer,
  type Kind,
  list,
  nullable,
  object,
  oneOf,
  optional,
  parseObject,
  string,
  stringMap,
  strings,
} from './stored.ts';

interface Door {
  readonly name: string;
  readonly width: number;
  readonly lock: { readonly code: string; readonly kind: 'bolt' | 'bar' };
  readonly keys: readonly string[];
  readonly owner: string | null;
  readonly opens: boolean;
  readonly paint?: string;
}

const DOOR = entry<Door>({
  name: string(),
  width: integer(90),
  lock: entry({ code: string(), kind: oneOf(['bolt', 'bar'], 'bolt') }),
  keys: strings([]),
  owner: nullable(string(), null),
  opens: boolean(true),
  paint: optional(string()),
});

const ROW = 'entries/m/doors/front';
const OLDEST = { name: 'front', lock: { code: 's3cret' } };
const READ: Door = {
  name: 'front',
  width: 90,
  lock: { code: 's3cret', kind: 'bolt' },
  keys: [],
  owner: null,
  opens: true,
};

describe('what is stored', () => {
  it('is read with the defaults of fields that are younger than the row', () => {
    assert.deepEqual(DOOR(OLDEST, ROW), READ);
    assert.ok(!Object.hasOwn(DOOR(OLDEST, ROW), 'paint'), 'a field that may be absent is');
  });

  it('is read as it was written, without what nobody declares', () => {
    const written = {
      name: 'back',
      width: 0,
      lock: { code: '', kind: 'bar' },
      keys: ['a', ''],
      owner: 'ana',
      opens: false,
      paint: 'red',
    } as const;
    assert.deepEqual(DOOR(written, ROW), written);
    assert.deepEqual(DOOR({ ...written, owner: null, of: 'a later version' }, ROW), { ...written, owner: null });
  });

  const refused = (text: RegExp, read: () => unknown): void => {
    assert.throws(read, (thrown: unknown) => {
      assert.ok(thrown instanceof CofferError && thrown.code === 'failed', String(thrown));
      assert.match(thrown.message, text);
      assert.ok(!`${thrown.message}${String(thrown.cause)}`.includes('s3cret'), thrown.message);
      return true;
    });
  };

  it('is refused with the row and the field when it is damaged, and never with the value', () => {
    for (const [damage, text] of [
      [{ name: undefined }, /^the row entries\/m\/doors\/front is damaged: its field "name" is missing$/],
      [{ name: null }, /its field "name" is not a string$/],
      [{ width: 's3cret' }, /its field "width" is not a whole number$/],
      [{ width: 1.5 }, /its field "width" is not a whole number$/],
      [{ width: 2 ** 60 }, /its field "width" is not a whole number$/],
      [{ lock: 's3cret' }, /its field "lock" is not an object$/],
      [{ lock: undefined }, /its field "lock" is missing$/],
      [{ lock: { code: ['s3cret'] } }, /its field "lock.code" is not a string$/],
      [{ lock: { code: '', kind: 's3cret' } }, /its field "lock.kind" is not one of bolt, bar$/],
      [{ keys: 's3cret' }, /its field "keys" is not a list of strings$/],
      [{ keys: ['a', 7] }, /its field "keys" is not a list of strings$/],
      [{ owner: { name: 's3cret' } }, /its field "owner" is not a string$/],
      [{ opens: 's3cret' }, /its field "opens" is not true or false$/],
      [{ paint: ['s3cret'] }, /its field "paint" is not a string$/],
      [{ paint: null }, /its field "paint" is not a string$/],
    ] as const) {
      refused(text, () => DOOR({ ...OLDEST, ...damage }, ROW));
    }
    for (const whole of ['s3cret', ['s3cret'], null, 7]) {
      refused(/^the row entries\/m\/doors\/front is damaged: it is not an object$/, () => DOOR(whole, ROW));
    }
  });

  it('keeps whatever names a field of any fields has', () => {
    const any: unknown = JSON.parse('{"__proto__":"a","constructor":"b","x":"c"}');
    assert.deepEqual(stringMap()(any, ROW), any);
    assert.deepEqual(object()(any, ROW), any);
    refused(/its field "meta" is not an object of strings$/, () => stringMap()({ a: 's3cret', b: 1 }, ROW, 'meta'));
  });

  it('may hold a list', () => {
    const doors: Kind<readonly Door[]> = list(DOOR);
    assert.deepEqual(doors([OLDEST, OLDEST], ROW, 'doors'), [READ, READ]);
    refused(/its field "doors\[1\].lock.code" is missing$/, () =>
      doors([OLDEST, { ...OLDEST, lock: {} }], ROW, 'doors'),
    );
    refused(/its field "doors" is not a list$/, () => doors('s3cret', ROW, 'doors'));
    refused(/its field "doors" is missing$/, () => doors(undefined, ROW, 'doors'));
  });

  it('is an object in JSON', () => {
    assert.deepEqual(parseObject('{"a":[1]}', ROW), { a: [1] });
    for (const text of ['', 's3cret', '"s3cret"', '["s3cret"]', '{"a":"s3cret"', 'null']) {
      refused(/^the row entries\/m\/doors\/front is damaged: it is not a JSON object$/, () => parseObject(text, ROW));
    }
  });
});
