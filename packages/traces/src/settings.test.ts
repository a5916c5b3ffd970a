import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLogger, formatLogLine, silentLogger } from '@coffer/base';
import { tracesSettings } from './settings.ts';

type Environment = Readonly<Record<string, string>>;
const settingsOf = (env: Environment, endpoint?: string) => tracesSettings(endpoint, env, silentLogger);

describe('the settings of traces', () => {
  it('send them where the configuration says, or the environment', () => {
    const urls: readonly (readonly [string | undefined, Environment, string])[] = [
      ['http://c:4318', {}, 'http://c:4318/v1/traces'],
      ['http://c:4318/', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://other' }, 'http://c:4318/v1/traces'],
      ['https://c/x/v1/traces', {}, 'https://c/x/v1/traces'],
      [undefined, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c/x' }, 'http://c/x/v1/traces'],
      [undefined, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/mine' }, 'http://c/mine'],
      [
        undefined,
        { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/mine', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://other' },
        'http://c/mine',
      ],
    ];
    for (const [endpoint, env, url] of urls) assert.equal(settingsOf(env, endpoint)?.url, url);
  });

  it('are none without a collector, or where the environment turns them off', () => {
    assert.equal(settingsOf({ OTEL_TRACES_EXPORTER: 'otlp', OTEL_SERVICE_NAME: 'x' }), undefined);
    assert.equal(settingsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }), undefined);
    const endpoint = 'http://c:4318';
    for (const env of [
      { OTEL_SDK_DISABLED: 'TRUE' },
      { OTEL_TRACES_EXPORTER: 'none' },
      { OTEL_TRACES_EXPORTER: 'zipkin' },
    ]) {
      assert.equal(settingsOf(env, endpoint), undefined);
    }
    assert.ok(settingsOf({ OTEL_SDK_DISABLED: 'false', OTEL_TRACES_EXPORTER: 'console, otlp' }, endpoint));
  });

  it('that cannot be used are warned of, and do not repeat a value', () => {
    const wrong: readonly Environment[] = [
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'secret' },
      { OTEL_TRACES_SAMPLER: 'secret' },
      { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '1.5' },
      { OTEL_TRACES_SAMPLER_ARG: 'secret' },
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'secret:4317' },
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'secret' },
    ];
    for (const env of wrong) {
      let log = '';
      const logger = createLogger('', 'trace', (entry) => (log += formatLogLine(entry)));
      const all = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', ...env };
      assert.equal(tracesSettings(undefined, all, logger), undefined);
      assert.match(log, /WARN.*not sending traces: /);
      assert.ok(!log.includes('secret'));
    }
  });

  it('have the defaults of OpenTelemetry', () => {
    assert.deepEqual(settingsOf({ OTEL_BSP_MAX_QUEUE_SIZE: '-1', OTEL_BSP_SCHEDULE_DELAY: 'x' }, 'http://c'), {
      url: 'http://c/v1/traces',
      protocol: 'http/protobuf',
      sampler: 'parentbased_always_on',
      ratio: 1,
      queueSize: 2048,
      batchSize: 512,
      delayMs: 5000,
    });
    const env = {
      OTEL_BSP_MAX_QUEUE_SIZE: '100',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    };
    const { queueSize, batchSize, ratio } = settingsOf(env, 'http://c') ?? {};
    assert.deepEqual([queueSize, batchSize, ratio], [100, 100, 0.25]);
  });

  it('say which number is none, and what is taken in its place', () => {
    let log = '';
    const logger = createLogger('', 'trace', (entry) => (log += formatLogLine(entry)));
    const env = {
      OTEL_BSP_MAX_QUEUE_SIZE: 'secret',
      OTEL_BSP_SCHEDULE_DELAY: '0',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1',
    };
    const { queueSize, batchSize, delayMs } = tracesSettings('http://c', env, logger) ?? {};
    assert.deepEqual([queueSize, batchSize, delayMs], [2048, 1, 5000]);
    assert.match(log, /WARN.*OTEL_BSP_MAX_QUEUE_SIZE must be a whole number, 1 or more: 2048 is taken in its place/);
    assert.match(log, /WARN.*OTEL_BSP_SCHEDULE_DELAY must be a whole number, 1 or more: 5000 is taken in its place/);
    assert.ok(!log.includes('secret') && !log.includes('EXPORT_BATCH'));
  });
});
