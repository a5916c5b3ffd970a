/** Traces of requests for a collector that takes OTLP over HTTP. OpenTelemetry's SDK is loaded when there is one. */
import { errorText, type Logger } from '@coffer/base';
import { tracesSettings } from './settings.ts';
import type { Traces } from './traces.ts';

export type { Traces } from './traces.ts';
export { isHttpUrl } from './settings.ts';

/** `endpoint` is what the configuration says. Undefined when no collector is named, there or in the environment. */
export async function openTraces(
  endpoint: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  logger: Logger,
): Promise<Traces | undefined> {
  const settings = tracesSettings(endpoint, env, logger);
  if (settings === undefined) return undefined;
  try {
    const { createTraces } = await import('./collector.ts');
    return createTraces(settings, logger);
  } catch (error) {
    logger.warn('not sending traces: invalid setting', { error: errorText(error) });
    return undefined;
  }
}
