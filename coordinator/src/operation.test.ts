/** An operation in the audit log: what is read back of one that ended, one that was refused, one that was cut short. */
import { expect, it } from 'vitest';
import { audit } from './audit.js';
import { auditLogOf, readAuditLog } from './audit-log.js';
import { auditList, auditShow } from './commands/audit.js';
import { Failure } from './failure.js';
import { beginOperation, recorded } from './operation.js';
import { finishedCluster } from './testing/fake-agents.js';

const noFlags = { action: undefined, node: undefined, sinceMs: undefined, limit: undefined };

async function setUp() {
  const { cluster } = await finishedCluster();
  const { state } = cluster;
  const context = { stateDir: state.path, progress: undefined as never };
  const newest = async () => (await readAuditLog(state)).records.at(-1)!;
  return { state, context, newest };
}

it('one that ended has its plan, each step, before and after', async () => {
  const { state, context, newest } = await setUp();
  const begin = { action: 'compact', nodes: ['n0'], plan: ['compact to 7'], before: { revision: '9' } };
  await recorded(
    state,
    begin,
    (operation) => operation.step('compact', async () => '7'),
    (compacted) => ({ compacted }),
  );
  const record = await newest();
  expect(record).toMatchObject({ ...begin, outcome: 'ok', after: { compacted: '7' }, runs: 1 });
  expect(record.steps).toMatchObject([{ step: 'compact', outcome: 'ok' }]);
  const shown = await auditShow(context, record.id.slice(0, 8));
  expect(shown.table).toMatch(/1\. compact to 7[\s\S]*compact +\d+ ms +ok/);
  expect(shown.notes).toEqual([]);
});

it('a step that is refused ends the whole as refused, with the reason', async () => {
  const { state, newest } = await setUp();
  const refusal = new Failure({ exit: 'refused', what: 'a member is unhealthy' });
  const run = recorded(state, { action: 'defrag' }, (operation) =>
    operation.step('defrag n1', () => Promise.reject(refusal)),
  );
  await expect(run).rejects.toBe(refusal);
  expect(await newest()).toMatchObject({
    outcome: 'refused',
    why: 'a member is unhealthy',
    steps: [{ step: 'defrag n1', outcome: 'refused', why: 'a member is unhealthy' }],
  });
});

it('one that was cut short is unfinished and names the command that goes on; the next run is of the same operation', async () => {
  const { state, context, newest } = await setUp();
  const begin = { action: 'restore', before: { revision: '9' }, resume: 'coordinator restore --resume' };
  const first = await beginOperation(state, begin);
  await first.step('quarantine n0', async () => {});
  expect(await newest()).toMatchObject({ outcome: 'unfinished' });
  const list = await auditList(context, noFlags);
  expect(list.table).toContain('unfinished');
  expect(list.notes!.join('\n')).toMatch(
    /restore \([0-9a-f]{8}\) was begun and did not end; next: coordinator restore --resume/,
  );
  const second = await beginOperation(state, { ...begin, id: first.id, before: { revision: '1' } });
  await second.step('place n0', async () => {});
  await second.end('ok');
  const record = await newest();
  expect(record).toMatchObject({ outcome: 'ok', runs: 2, before: { revision: '9' } });
  expect(record.steps.map(({ step }) => step)).toEqual(['quarantine n0', 'place n0']);
  expect((await auditList(context, noFlags)).notes).toEqual([]);
});

it('one that was cut short is settled by what did the same later, or took it back', async () => {
  const { state, context } = await setUp();
  const nodes = ['n0', 'n1'];
  const killed = await beginOperation(state, {
    action: 'restore',
    nodes,
    resume: 'coordinator restore --resume',
  });
  await recorded(state, { action: 'restore', nodes: ['n0'] }, async () => {});
  const unsettled = await auditList(context, noFlags);
  expect(unsettled.notes).toHaveLength(1);
  const begin = { action: 'restore undo', nodes, before: { undoes: killed.id } };
  await recorded(state, begin, async () => {});
  const list = await auditList(context, noFlags);
  expect(list.notes).toEqual([]);
  expect(list.table).toMatch(/restore +n0,n1 .* unfinished, then [0-9a-f]{8}$/m);
  await beginOperation(state, { action: 'defrag', nodes: ['n0'] });
  await recorded(state, { action: 'defrag', nodes }, async () => {});
  expect((await auditList(context, noFlags)).notes).toEqual([]);
});

it('one line stands for what is one step, under the number of its line', async () => {
  const { state, context } = await setUp();
  await audit(state, {
    action: 'member remove',
    node: 'n2',
    outcome: 'failed',
    detail: { why: 'no answer' },
  });
  const list = await auditList(context, { ...noFlags, action: 'member', node: 'n2' });
  expect(list.document).toMatchObject({ operations: [{ action: 'member remove', why: 'no answer' }] });
  const [{ id }] = list.document!.operations as [{ id: string }];
  expect((await auditShow(context, id)).table).toContain('failed: no answer');
  expect((await auditList(context, { ...noFlags, action: 'mem' })).table).toBe('');
});

it('a torn line is named and left out; the next one is read', async () => {
  const whole = JSON.stringify({ at: '2026-01-01T00:00:00.000Z', by: 'ann', action: 'apply', outcome: 'ok' });
  const log = auditLogOf(`{"at":"2026-01-01T0\n${whole}\n`);
  expect(log.unreadable).toEqual([1]);
  expect(log.records).toMatchObject([{ id: '2', action: 'apply' }]);
});

it('an id that is not there, or the beginning of several, is not guessed', async () => {
  const { context } = await setUp();
  await expect(auditShow(context, '99999')).rejects.toThrow('no operation 99999 is recorded');
});
