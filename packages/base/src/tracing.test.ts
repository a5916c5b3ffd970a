import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import { CofferError } from './error.ts';
import { withoutDeadline } from './deadline.ts';
import { describeRequest, type Span, type SpanDescription, type SpanEnd, traced, tracedRequest } from './tracing.ts';

class RecordedSpan implements Span {
  readonly children: RecordedSpan[] = [];
  readonly attributes: Record<string, unknown>;
  name: string;
  ends: SpanEnd[] = [];

  constructor({ name, attributes }: SpanDescription) {
    this.name = name;
    this.attributes = { ...attributes };
  }

  child(description: SpanDescription): Span {
    const child = new RecordedSpan(description);
    this.children.push(child);
    return child;
  }

  rename(name: string): void {
    this.name = name;
  }

  set(attributes: Readonly<Record<string, unknown>>): void {
    Object.assign(this.attributes, attributes);
  }

  end(end: SpanEnd): void {
    this.ends.push(end);
  }
}

const step = <T>(name: string, work: () => Promise<T>): Promise<T> => traced(() => ({ name }), work);

/** Traces `work` as one request. */
async function record(work: () => Promise<void>): Promise<RecordedSpan> {
  const root = new RecordedSpan({ name: 'GET' });
  await tracedRequest({ begin: () => root }, { name: 'GET' }, work, () => ({})).catch(() => undefined);
  return root;
}

const namesOf = (span: RecordedSpan): unknown => [span.name, ...span.children.map(namesOf)];

describe('tracing', () => {
  it('nests what is done within other work, also where several things are done at once', async () => {
    const root = await record(async () => {
      await Promise.all([
        step('one', () => step('inner', tick)),
        step('two', () => withoutDeadline(() => step('own', tick))),
      ]);
      await step('three', async () => undefined);
    });
    assert.deepEqual(namesOf(root), ['GET', ['one', ['inner']], ['two', ['own']], ['three']]);
  });

  it('describes nothing where nothing is traced', async () => {
    const never = (): never => assert.fail('described');
    assert.equal(await traced(never, async () => 7), 7);
    describeRequest(never);
    const undecided = { begin: () => undefined };
    await tracedRequest(undecided, { name: 'GET' }, () => traced(never, async () => undefined), never);
    await tracedRequest(undefined, { name: 'GET' }, () => traced(never, async () => undefined), never);
  });

  it('ends each once, with the class of a failure and never its message', async () => {
    const root = await record(async () => {
      await step('refused', () => Promise.reject(new CofferError('permission-denied', 'secret'))).catch(
        () => undefined,
      );
      await step('broken', () => Promise.reject(new Error('secret'))).catch(() => undefined);
      await traced(
        () => ({ name: 'told' }),
        async () => '40001',
        (failure) => ({ failure }),
      );
      await step('well', tick);
      await step('thrown', () => Promise.reject(new CofferError('internal', 'secret')));
    });
    const ends = root.children.map(({ ends: each }) => each);
    const failures = ['permission-denied', 'error', '40001', undefined, 'internal'];
    assert.deepEqual(
      ends,
      failures.map((failure) => [failure === undefined ? {} : { failure }]),
    );
    assert.deepEqual(root.ends, [{}]);
  });

  it('is over with the request, whatever that has left behind', async () => {
    const go = Promise.withResolvers<void>();
    let later: Promise<void> | undefined;
    const root = await record(async () => {
      later = go.promise.then(() => step('later', async () => describeRequest(() => ({ route: '/later' }))));
    });
    go.resolve();
    await later;
    assert.deepEqual(namesOf(root), ['GET']);
  });

  it('takes a thousand spans of a request, and counts the others', async () => {
    const root = await record(async () => {
      for (let count = 0; count < 1003; count++) await step('one', async () => undefined);
    });
    assert.equal(root.children.length, 1000);
    assert.equal(root.attributes['coffer.spans_left_out'], 3);
  });

  it('names a request by its route when that is known', async () => {
    const root = await record(async () => {
      describeRequest(() => ({ attributes: { id: 'a' } }));
      await step('deep', async () => describeRequest(() => ({ route: '/v1/x/:name' })));
    });
    assert.equal(root.name, 'GET /v1/x/:name');
    assert.deepEqual(root.attributes, { id: 'a', 'http.route': '/v1/x/:name' });
  });
});
