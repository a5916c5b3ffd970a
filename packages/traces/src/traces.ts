import type { Tracer } from '@coffer/base';

export interface Traces {
  readonly tracer: Tracer;
  /** Sends what is still waiting, for two seconds at most. Never rejects. */
  close(): Promise<void>;
}
