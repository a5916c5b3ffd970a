import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, PROCESS_ID, VERSION } from '@coffer/base';
import { diag, DiagLogLevel } from '@opentelemetry/api';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { BoundedProcessor } from './bounded-processor.ts';
import { LossReport } from './loss-report.ts';
import { SdkTracer } from './sdk-tracer.ts';
import type { TracesSettings } from './settings.ts';
import type { Traces } from './traces.ts';

/** How long the end of a server waits for the collector, in milliseconds. */
const FAREWELL_MS = 2_000;
/** No attribute of ours is nearly as long. */
const LONGEST_ATTRIBUTE = 256;

export function createTraces(settings: TracesSettings, logger: Logger): Traces {
  const report = new LossReport(logger);
  const provider = new TracerProvider({
    spanProcessors: [new BoundedProcessor(createExporter(settings, logger), settings, report)],
    sampler: createSampler(settings),
    resource: defaultResource()
      .merge(
        resourceFromAttributes({
          'service.name': 'coffer',
          'service.version': VERSION,
          'service.instance.id': PROCESS_ID,
        }),
      )
      .merge(detectResources({ detectors: [envDetector] })),
    spanLimits: { attributeValueLengthLimit: LONGEST_ATTRIBUTE },
  });
  logger.info('sending traces to a collector', { host: new URL(settings.url).host, protocol: settings.protocol });
  let closing: Promise<void> | undefined;
  return {
    tracer: new SdkTracer(provider.getTracer('coffer', VERSION)),
    close: () => (closing ??= close(provider, report)),
  };
}

async function close(provider: TracerProvider, report: LossReport): Promise<void> {
  const patience = new AbortController();
  const tooLong = sleep(FAREWELL_MS, undefined, { signal: patience.signal }).catch(() => undefined);
  await Promise.race([provider.shutdown().catch(() => undefined), tooLong]);
  patience.abort();
  report.close();
}

/** Reads what else the environment says of exporters: headers, certificates, timeout, compression. */
function createExporter({ url, protocol }: TracesSettings, logger: Logger): SpanExporter {
  const warn = (message: string): void => logger.warn(message);
  const quiet = (): void => undefined;
  diag.setLogger(
    { error: warn, warn, info: quiet, debug: quiet, verbose: quiet },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  try {
    return protocol === 'http/json' ? new JsonExporter({ url }) : new ProtobufExporter({ url });
  } finally {
    // Later on it would say again what the loss report says.
    diag.disable();
  }
}

function createSampler({ sampler, ratio }: TracesSettings): Sampler {
  const roots: Readonly<Record<string, () => Sampler>> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratio),
  };
  const kind = sampler.replace('parentbased_', '');
  const root = roots[kind]?.() ?? new AlwaysOnSampler();
  return kind === sampler ? root : new ParentBasedSampler({ root });
}
