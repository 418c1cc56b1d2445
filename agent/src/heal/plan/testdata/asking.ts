/** What healing decides on a picture, as tests ask for it. A picture that is not named is the one of pictures.ts. */
import { expect } from 'vitest';
import type { Picture } from '../picture.js';
import { planHeal } from '../plan-heal.js';
import { picture } from './pictures.js';

export const stepOf = (seen: Picture) => planHeal(seen).decision?.step;
const reasonsOf = (seen: Picture) =>
  planHeal(seen)
    .waiting.map(({ rule, reason }) => `${rule}: ${reason}`)
    .join('\n');
export const data = (change: Partial<Picture['data']>): Picture['data'] => ({ ...picture().data, ...change });
export const me = (change: Partial<Picture['me']>): Picture['me'] => ({ ...picture().me, ...change });

export function waits(seen: Picture, reason: RegExp): void {
  expect(stepOf(seen)).toBeUndefined();
  expect(reasonsOf(seen)).toMatch(reason);
}
