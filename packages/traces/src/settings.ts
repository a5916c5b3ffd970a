import type { Logger } from '@coffer/base';

type Environment = Readonly<Record<string, string | undefined>>;

/** The encodings that OTLP has over HTTP. */
const PROTOCOLS = ['http/protobuf', 'http/json'] as const;
const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/** Where traces go, and which. */
export interface TracesSettings {
  readonly url: string;
  readonly protocol: (typeof PROTOCOLS)[number];
  readonly sampler: (typeof SAMPLERS)[number];
  /** The share of the traces that a sampler by ratio takes, 0 to 1. */
  readonly ratio: number;
  /** How many finished spans may wait for the collector. */
  readonly queueSize: number;
  readonly batchSize: number;
  /** Between two exports, in milliseconds. */
  readonly delayMs: number;
}

/** Where a collector takes traces when only its root is named. */
const TRACES_PATH = 'v1/traces';

/**
 * What the configuration says (`endpoint`) and the standard variables of OpenTelemetry, some of which are common to all programs of
 * a machine: one that cannot be used is warned of, and never keeps a server from starting. Undefined: nothing is to be traced.
 */
export function tracesSettings(
  endpoint: string | undefined,
  env: Environment,
  logger: Logger,
): TracesSettings | undefined {
  if (isOff(env)) return undefined;
  const url = endpoint === undefined ? urlOf(env) : atPath(endpoint);
  if (url === undefined) return undefined;
  const off = (reason: string): undefined => {
    logger.warn(`not sending traces: ${reason}`);
    return undefined;
  };
  if (!isHttpUrl(url)) return off('the endpoint of the collector is not an http:// or https:// URL');
  const protocol = oneOf(PROTOCOLS, signal(env, 'PROTOCOL') ?? 'http/protobuf');
  if (protocol === undefined) return off(`OTEL_EXPORTER_OTLP_PROTOCOL must be one of ${PROTOCOLS.join(', ')}`);
  const sampler = oneOf(SAMPLERS, text(env, 'OTEL_TRACES_SAMPLER') ?? 'parentbased_always_on');
  if (sampler === undefined) return off(`OTEL_TRACES_SAMPLER must be one of ${SAMPLERS.join(', ')}`);
  const ratio = Number(text(env, 'OTEL_TRACES_SAMPLER_ARG') ?? 1);
  if (!(ratio >= 0 && ratio <= 1)) return off('OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1');
  const count = (name: string, otherwise: number): number => countOf(env, name, otherwise, logger);
  const queueSize = count('OTEL_BSP_MAX_QUEUE_SIZE', 2048);
  const batchSize = Math.min(queueSize, count('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512));
  const delayMs = count('OTEL_BSP_SCHEDULE_DELAY', 5000);
  return { url, protocol, sampler, ratio, queueSize, batchSize, delayMs };
}

/** Whether the collector can be at `url`. */
export function isHttpUrl(url: string): boolean {
  return URL.canParse(url) && ['http:', 'https:'].includes(new URL(url).protocol);
}

function isOff(env: Environment): boolean {
  const exporters = text(env, 'OTEL_TRACES_EXPORTER') ?? 'otlp';
  return (
    text(env, 'OTEL_SDK_DISABLED')?.toLowerCase() === 'true' ||
    !exporters.split(',').some((exporter) => exporter.trim() === 'otlp')
  );
}

function urlOf(env: Environment): string | undefined {
  const root = text(env, 'OTEL_EXPORTER_OTLP_ENDPOINT');
  return text(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') ?? (root === undefined ? undefined : atPath(root));
}

function atPath(root: string): string {
  if (root.endsWith(`/${TRACES_PATH}`)) return root;
  return `${root}${root.endsWith('/') ? '' : '/'}${TRACES_PATH}`;
}

/** That of traces counts before that of all signals. */
function signal(env: Environment, name: string): string | undefined {
  return text(env, `OTEL_EXPORTER_OTLP_TRACES_${name}`) ?? text(env, `OTEL_EXPORTER_OTLP_${name}`);
}

/** An empty variable counts as none, as OpenTelemetry says. */
function text(env: Environment, name: string): string | undefined {
  return env[name]?.trim() || undefined;
}

/** As OpenTelemetry says of numbers that are none: warned of, and as if they were not there. */
function countOf(env: Environment, name: string, otherwise: number, logger: Logger): number {
  const value = Number(text(env, name) ?? otherwise);
  if (Number.isSafeInteger(value) && value > 0) return value;
  logger.warn(`${name} must be a whole number, 1 or more: ${otherwise} is taken in its place`);
  return otherwise;
}

function oneOf<T extends string>(values: readonly T[], value: string): T | undefined {
  return values.find((each) => each === value);
}
