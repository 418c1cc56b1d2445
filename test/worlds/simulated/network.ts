/**
 * Which hosts reach which, and how long a message takes. Hosts are known by their names; a host always reaches itself.
 */
import type { SimChance } from './chance.js';

/** How long messages take, in milliseconds: nearly all between the first two, some as long as the third. */
const messageMsMin = 0.2;
const messageMsMax = 3;
const slowMessageMs = 50;
const slowShare = 1 / 300;
const ownMessageMs = 0.1;

export class SimNetwork {
  readonly #chance: SimChance;
  readonly #cut = new Set<string>();
  readonly #silent = new Set<string>();

  constructor(chance: SimChance) {
    this.#chance = chance;
  }

  /** Whether a message that `from` sends now arrives at `to`. */
  reach(from: string, to: string): boolean {
    if (from === to) return true;
    if (this.#silent.size > 0 && (this.#silent.has(from) || this.#silent.has(to))) return false;
    return this.#cut.size === 0 || !this.#cut.has(`${from} ${to}`);
  }

  /** Whether question and answer pass. */
  reachBothWays(one: string, other: string): boolean {
    return this.reach(one, other) && this.reach(other, one);
  }

  /** How long the next message takes. */
  delayMs(from: string, to: string): number {
    if (from === to) return ownMessageMs;
    return this.#chance.happens(slowShare) ? slowMessageMs : this.#chance.between(messageMsMin, messageMsMax);
  }

  /** Messages from `from` do not arrive at `to` any more; the other way they may. */
  cut(from: string, to: string): void {
    this.#cut.add(`${from} ${to}`);
  }

  mend(from: string, to: string): void {
    this.#cut.delete(`${from} ${to}`);
  }

  /** Cuts every pair of hosts that are not on the same side, both ways. */
  partition(...sides: (readonly string[])[]): void {
    for (const side of sides)
      for (const other of sides)
        if (side !== other) for (const from of side) for (const to of other) this.cut(from, to);
  }

  /** The host is off the network altogether, or back on it. */
  silence(host: string): void {
    this.#silent.add(host);
  }

  unsilence(host: string): void {
    this.#silent.delete(host);
  }

  isSilent(host: string): boolean {
    return this.#silent.has(host);
  }

  mendAll(): void {
    this.#cut.clear();
    this.#silent.clear();
  }
}
