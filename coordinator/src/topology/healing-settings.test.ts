/** The policy that an operator writes is the policy that the agents get. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { healingPolicySchema } from '@etcd-agent/protocol';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { healingPolicy, healingSchema } from './healing-settings.js';
import { topologyJsonSchema } from './json-schema.js';
import { topologyTemplate } from './template.js';

it('left out, it is the policy that agents have by themselves', () => {
  expect(healingPolicy(healingSchema.parse(undefined))).toEqual(healingPolicySchema.parse({}));
});

it('is read in the units that it is written in', () => {
  const settings = healingSchema.parse({
    mode: 'watch',
    evidence: '1500ms',
    orphan: '2h',
    quarantine: '30d',
  });
  expect(healingPolicy(settings)).toMatchObject({
    mode: 'watch',
    evidenceMs: 1_500,
    orphanMs: 7_200_000,
    quarantineMs: 30 * 86_400_000,
  });
});

it('has every one of its keys in the template, with the default that counts without it', () => {
  const { healing } = parse(topologyTemplate) as { healing: Record<string, unknown> };
  expect(healing).toEqual(healingSchema.parse(undefined));
});

it('has every key with a reason in the JSON schema', () => {
  const schema = topologyJsonSchema() as {
    properties: { healing: { properties: Record<string, { description?: string; default?: unknown }> } };
  };
  const { properties } = schema.properties.healing;
  expect(Object.keys(properties).sort()).toEqual(Object.keys(healingSchema.parse(undefined)).sort());
  for (const { description, default: value } of Object.values(properties)) {
    expect(description).toMatch(/\.$/);
    expect(value).toBeDefined();
  }
});

it('stands for every number of the policy, once', () => {
  expect(Object.keys(healingSchema.parse(undefined))).toHaveLength(
    Object.keys(healingPolicySchema.shape).length,
  );
});

it('stands in docs/SELF_HEALING.md with every key and its default', () => {
  const text = readFileSync(resolve(import.meta.dirname, '../../../docs/SELF_HEALING.md'), 'utf8');
  const times = text.slice(text.indexOf('## Times'), text.indexOf('## Holding'));
  const told = [...times.matchAll(/^\| `(\w+)` \| `(\w+)` \|/gm)].map(([, key, value]) => [key, value]);
  expect(told).toEqual(
    Object.entries(healingSchema.parse(undefined)).map(([key, value]) => [key, `${value}`]),
  );
});
