import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { type Metrics, VERSION } from '@coffer/base';

/** How often the event loop is looked at, in milliseconds: it is late by what a look is later than that. */
const RESOLUTION_MS = 50;

/** Watches the process itself. Returns what ends that. */
export function watchProcess(metrics: Metrics): () => void {
  const gc = { runs: 0, totalNs: 0, lastNs: 0 };
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      gc.runs++;
      gc.lastNs = Math.round(duration * 1e6);
      gc.totalNs += gc.lastNs;
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  const lag = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  lag.enable();
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000) || 0;
  const gauges = [
    metrics.gauge('vault.runtime.alloc_bytes', () => process.memoryUsage().heapUsed),
    metrics.gauge('vault.runtime.sys_bytes', () => process.memoryUsage.rss()),
    metrics.gauge('vault.runtime.total_gc_runs', () => gc.runs),
    metrics.gauge('vault.runtime.total_gc_pause_ns', () => gc.totalNs),
    metrics.gauge('vault.runtime.gc_pause_ns', () => gc.lastNs),
    metrics.gauge('coffer.build.info', () => 1, { version: VERSION }),
    metrics.gauge('coffer.event_loop.lag.seconds', () => {
      const [median, high, longest] = [lag.percentile(50), lag.percentile(99), lag.max];
      lag.reset();
      return [
        { labels: { quantile: '0.5' }, value: late(median) },
        { labels: { quantile: '0.99' }, value: late(high) },
        { labels: { quantile: '1' }, value: late(longest) },
      ];
    }),
  ];
  return () => {
    for (const stop of gauges) stop();
    lag.disable();
    observer.disconnect();
  };
}
