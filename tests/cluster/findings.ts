/** What went wrong, and how often everything was done. */
export class Findings {
  readonly violations: string[] = [];
  readonly #counts = new Map<string, number>();
  readonly #onViolation: (text: string) => void;

  constructor(onViolation: (text: string) => void = () => undefined) {
    this.#onViolation = onViolation;
  }

  violation(text: string): void {
    const dated = `${new Date().toISOString().slice(11, 23)} ${text}`;
    this.violations.push(dated);
    this.#onViolation(dated);
  }

  /** A bound method, to be handed on. */
  readonly report = (text: string): void => this.violation(text);

  count(name: string, by = 1): void {
    this.#counts.set(name, this.counted(name) + by);
  }

  /** Keeps the highest of all values under this name. */
  highest(name: string, value: number): void {
    this.#counts.set(name, Math.max(this.counted(name), value));
  }

  counted(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** The counts whose names begin so, without that beginning, in alphabetical order. */
  below(prefix: string): [name: string, count: number][] {
    return [...this.#counts]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, count]): [string, number] => [name.slice(prefix.length), count])
      .sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
