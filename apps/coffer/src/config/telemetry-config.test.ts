import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseHcl } from '@coffer/hcl';
import { parseTelemetry, type TelemetryConfig, TELEMETRY_WITHOUT_EFFECT } from './telemetry-config.ts';

const parse = (text: string): TelemetryConfig | undefined => parseTelemetry(parseHcl(text, 'c.hcl'));

describe('telemetry', () => {
  it('says for how long series are shown, and how often the store is counted', () => {
    assert.equal(parse(''), undefined);
    assert.deepEqual(parse('telemetry { prometheus_retention_time = "30s"\n usage_gauge_period = "5m" }'), {
      ...{ retentionMs: 30_000, usagePeriodMs: 300_000, warnings: [] },
    });
    assert.deepEqual(parse('telemetry { prometheus_retention_time = 0\n usage_gauge_period = "0s" }'), {
      ...{ retentionMs: 0, usagePeriodMs: 0, warnings: [] },
    });
    assert.equal(parse('telemetry { usage_gauge_period = "none" }')?.usagePeriodMs, 0);
    for (const wrong of ['"None"', '"never"', '["none"]', 'true'])
      assert.throws(() => parse(`telemetry { usage_gauge_period = ${wrong} }`), /c\.hcl:1:/, wrong);
    assert.throws(() => parse('telemetry { prometheus_retention_time = "none" }'), /must be a duration/);
  });

  it('warns of what has no effect, with its line', () => {
    for (const key of Object.keys(TELEMETRY_WITHOUT_EFFECT)) {
      const [warning = '', more] = parse(`telemetry {\n ${key} = "x" }`)?.warnings ?? [];
      assert.match(warning, new RegExp(`^c\\.hcl:2:\\d+: "${key}" has no effect: `), key);
      assert.equal(more, undefined);
    }
    assert.deepEqual(parse('telemetry { disable_hostname = true }')?.warnings, []);
    assert.match(
      parse('telemetry { disable_hostname = false }')?.warnings[0] ?? '',
      /^c\.hcl:1:\d+: "disable_hostname"/,
    );
  });

  it('refuses what it does not know, and what cannot be', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['telemetry { prometheus_retention_tim = "1s" }', /c\.hcl:1:\d+: .*prometheus_retention_tim"/],
      ['telemetry { prometheus_retention_time = "soon" }', /c\.hcl:1:/],
      ['telemetry { }\ntelemetry { }', /"telemetry" is set twice/],
    ];
    for (const [text, error] of cases) assert.throws(() => parse(text), error, text);
  });

  it('says where traces go, and never with credentials', () => {
    const endpoint = (url: string): string | undefined => parse(`telemetry { otlp_endpoint = "${url}" }`)?.otlpEndpoint;
    assert.equal(endpoint('http://collector:4318'), 'http://collector:4318');
    assert.equal(endpoint(''), undefined);
    for (const url of ['collector:4318', 'ftp://collector', 'grpc://collector:4317']) {
      assert.throws(() => endpoint(url), {
        message: /^c\.hcl:1:\d+: "otlp_endpoint" must be an http:\/\/ or https:\/\/ URL$/,
      });
    }
    for (const url of ['http://user:secret@collector', 'https://collector?key=secret']) {
      assert.throws(
        () => endpoint(url),
        (error: Error) => {
          assert.match(error.message, /must not contain credentials or a query/);
          return !error.message.includes('secret@') && !error.message.includes('key=');
        },
      );
    }
  });
});
