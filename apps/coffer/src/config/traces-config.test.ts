import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConfigText } from './config-files.ts';
import { takeOtlpEndpoint } from './traces-config.ts';

function take(text: string, name = 'c.hcl') {
  const errors: string[] = [];
  const object = parseConfigText(text, name, (error) => errors.push(error.message));
  const { config, otlpEndpoint } = takeOtlpEndpoint(object);
  return { errors, otlpEndpoint, left: config.items.map(({ keys, value }) => [keys[0], value]) };
}
const keysOf = (value: unknown): unknown => (value as { items: { keys: string[] }[] }).items.map(({ keys }) => keys[0]);

describe('telemetry { otlp_endpoint }', () => {
  const URL = 'http://collector:4318';

  it('is taken out of its stanza, and the stanza too when nothing else is in it', () => {
    for (const [text, name] of [
      [`telemetry { otlp_endpoint = "${URL}" }`],
      [`telemetry = { otlp_endpoint = "${URL}" }`],
      [`{"telemetry": {"otlp_endpoint": "${URL}"}}`, 'c.json'],
      [`{"telemetry": [{"otlp_endpoint": "${URL}"}]}`, 'c.json'],
    ]) {
      assert.deepEqual(take(text ?? '', name), { errors: [], otlpEndpoint: URL, left: [] });
    }
  });

  it('leaves what is not ours to others', () => {
    const { otlpEndpoint, left } = take(`telemetry { statsd_address = "x"\n otlp_endpoint = "${URL}" }`);
    assert.equal(otlpEndpoint, URL);
    assert.deepEqual(keysOf(left[0]?.[1]), ['statsd_address']);
    for (const text of ['telemetry { statsd_address = "x" }', 'telemetry { }']) {
      const none = take(text);
      assert.equal(none.otlpEndpoint, undefined);
      assert.equal(none.left.length, 1);
    }
  });

  it('is refused with its place where it is no URL, or says too much, and never repeated', () => {
    for (const [value, message] of [
      ['"secret:4317"', /must be an http:\/\/ or https:\/\/ URL/],
      ['"grpc://secret"', /must be an http:\/\/ or https:\/\/ URL/],
      ['"http://user:secret@c"', /must not hold credentials/],
      ['"https://c/?token=secret"', /must not hold credentials/],
      ['5', /must be a string/],
    ] as const) {
      const { errors, otlpEndpoint } = take(`\ntelemetry { otlp_endpoint = ${value} }`);
      assert.match(errors[0] ?? '', message);
      assert.match(errors[0] ?? '', /^c\.hcl:2:\d+: /);
      assert.ok(!errors.join('').includes('secret'));
      assert.equal(otlpEndpoint, undefined);
    }
    assert.deepEqual(take('telemetry { otlp_endpoint = "" }'), { errors: [], otlpEndpoint: undefined, left: [] });
  });
});
