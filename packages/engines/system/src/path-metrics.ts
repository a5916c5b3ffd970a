import type { MetricsView } from '@coffer/base';
import { type AnswerStream, definePath, type Path, type PathResponse } from '@coffer/framework';

/** What Prometheus sends as Accept (openbao/openbao:internal/helper/metricsutil/metricsutil.go FormatFromRequest). */
const WANTS_TEXT = ['application/openmetrics-text', 'prometheus/telemetry', 'version=0.0.4'];

/** `sys/metrics`, as in Vault: also while sealed, on listeners with unauthenticated_metrics_access. */
export function metricsPaths(metrics: MetricsView): Path[] {
  return [
    definePath({
      pattern: 'metrics',
      fields: {
        format: {
          type: 'string',
          description:
            '"prometheus" for its text format, which is also sent when the request accepts it. Default: JSON, as go-metrics shows it.',
        },
      },
      otherFields: 'accept',
      openAs: 'metrics',
      synopsis: 'Returns the metrics of the node that answers.',
      description:
        'The contents of the store (leases, tokens, static roles) are counted periodically, with the same result on every node. ' +
        'docs/observability.md lists all metrics.',
      read: async ({ fields, headers }) => {
        const format = fields.format || formatAccepted(headers?.get('accept') ?? []);
        if (format !== '' && format !== 'prometheus') {
          return refusal(`metric response format ${JSON.stringify(format)} unknown`);
        }
        if (format === '') return text(200, 'application/json', JSON.stringify(metrics.summary()));
        const prometheus = await metrics.prometheus();
        if (prometheus === undefined) return refusal('prometheus is not enabled');
        return text(200, 'text/plain; version=0.0.4; charset=utf-8', prometheus);
      },
    }),
  ];
}

function formatAccepted(accept: readonly string[]): string {
  return accept.some((header) => WANTS_TEXT.some((type) => header.includes(type))) ? 'prometheus' : '';
}

function refusal(message: string): PathResponse {
  return text(400, 'text/plain', message);
}

function text(status: number, contentType: string, body: string): PathResponse {
  const bytes = Buffer.from(body);
  const stream: AnswerStream = { contentType, contentLength: bytes.length, chunks: once(bytes) };
  return { status, stream };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
