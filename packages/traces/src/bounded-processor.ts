import { errorText } from '@coffer/base';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace';
import type { LossReport } from './loss-report.ts';
import type { TracesSettings } from './settings.ts';

/**
 * Bounds how many spans are held, those included that are on their way, and reports what is lost: the SDK's own limit counts only
 * those that wait, and it tells nobody how many it drops.
 */
export class BoundedProcessor implements SpanProcessor {
  readonly #batches: SpanProcessor;
  readonly #most: number;
  readonly #report: LossReport;
  #held = 0;

  constructor(exporter: SpanExporter, { queueSize, batchSize, delayMs }: TracesSettings, report: LossReport) {
    this.#most = queueSize;
    this.#report = report;
    this.#batches = new BatchSpanProcessor({
      exporter: {
        export: (spans, done) => exporter.export(spans, (result) => this.#exported(spans, result, done)),
        shutdown: () => exporter.shutdown(),
      },
      maxQueueSize: queueSize,
      maxExportBatchSize: batchSize,
      scheduledDelayMillis: delayMs,
    });
  }

  onStart(): void {
    // Nothing is known of it yet.
  }

  onEnd(span: ReadableSpan): void {
    if (this.#held >= this.#most) return this.#report.dropped();
    this.#held++;
    this.#batches.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#batches.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#batches.shutdown();
  }

  /** To the SDK all is well: it would only log the failure once more. */
  #exported(spans: readonly ReadableSpan[], result: ExportResult, done: (result: ExportResult) => void): void {
    this.#held -= spans.length;
    if (result.code === ExportResultCode.FAILED) this.#report.failed(spans.length, reasonOf(result.error));
    done({ code: ExportResultCode.SUCCESS });
  }
}

/** Not the body of the answer, which is another program's. */
function reasonOf(error: (Error & { code?: unknown }) | undefined): string {
  if (error === undefined) return 'unknown';
  return typeof error.code === 'number' ? `the collector answered ${error.code}` : errorText(error);
}
