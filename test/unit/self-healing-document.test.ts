import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { agentCore } from '@etcd-agent/agent';
import { expect, it } from 'vitest';

// docs/SELF_HEALING.md is what an operator reads when a rule's name stands in an event: it must name every rule there is,
// in the order in which they are asked, and none that there is not.

const text = readFileSync(resolve(import.meta.dirname, '../../docs/SELF_HEALING.md'), 'utf8');
const table = text.slice(text.indexOf('## Rules'), text.indexOf('## A repair'));
const documented = [...table.matchAll(/^\| `(\w+)`/gm)].map((match) => match[1]);

/** Reasons to wait that have a name of their own and no step. */
const spoken = ['newDisk', 'corruptAlarm'];

it('the document has every rule, in the order of the code', async () => {
  const { healRules } = await agentCore();
  expect(documented.filter((rule) => !spoken.includes(rule!))).toEqual(Object.keys(healRules));
});

it('the document has every name under which something is only said', () => {
  expect(documented).toEqual(expect.arrayContaining(spoken));
});
