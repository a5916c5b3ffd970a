import assert from 'node:assert/strict';
import { it } from 'node:test';
import { oncePerObject } from './once-per-object.ts';

it('oncePerObject makes a value once for each object, also an empty one, and again for one that is only alike', () => {
  const seen: string[] = [];
  const made = oncePerObject(({ name }: { readonly name: string }) => {
    seen.push(name);
    return name;
  });
  const [one, alike, empty] = [{ name: 'a' }, { name: 'a' }, { name: '' }];
  for (const each of [one, one, alike, empty, empty]) assert.equal(made(each), each.name);
  assert.deepEqual(seen, ['a', 'a', '']);
});
