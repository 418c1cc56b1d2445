/** How long an operator's order stands. */
import { expect, it } from 'vitest';
import { standingOrder } from './memory.js';

const order = { by: 'ann', at: '2030-01-01T12:00:00.000Z' };
const at = (time: string) => standingOrder({ order }, Date.parse(`2030-01-01T${time}.000Z`));

it('ten minutes, and then nobody expects it any more', () => {
  expect([at('12:00:00'), at('12:09:59'), at('12:10:00')]).toEqual([order, order, undefined]);
});

it('not at a time long before it, which a clock that was set back shows', () => {
  expect([at('11:55:00'), at('11:00:00')]).toEqual([order, undefined]);
});

it('none is none', () => {
  expect(standingOrder({}, 0)).toBeUndefined();
});
