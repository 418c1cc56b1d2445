/** How a test speaks to the etcds of a cluster with the operator's credentials: over gRPC, and over etcd's JSON gateway. */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { connectEtcd, type EtcdAdmin } from '@etcd-agent/etcd';
import {
  describeOutcome,
  patientEtcdctl,
  runProgram,
  type TestCluster,
  type TestNode,
  waitFor,
} from '../../support/index.js';

export interface EtcdCredentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** From the files that `coordinator env` names. */
export async function etcdCredentials(cluster: TestCluster): Promise<EtcdCredentials> {
  const variables = await cluster.etcdctlVariables();
  const text = (name: string) => readFileSync(variables[name]!, 'utf8');
  return { ca: text('ETCDCTL_CACERT'), cert: text('ETCDCTL_CERT'), key: text('ETCDCTL_KEY') };
}

/** etcdctl through one node, which must succeed; returns what it prints. */
export async function etcdctl(
  cluster: TestCluster,
  through: TestNode,
  args: readonly string[],
): Promise<string> {
  const env = {
    ...(await cluster.etcdctlVariables()),
    ...patientEtcdctl,
    ETCDCTL_ENDPOINTS: through.clientURL,
  };
  const outcome = await runProgram(cluster.binaries.etcdctl, args, { env, timeoutMs: 90_000 });
  if (outcome.code !== 0) throw new Error(`etcdctl ${args.join(' ')} ${describeOutcome(outcome)}`);
  return outcome.stdout;
}

/**
 * What etcd refuses for a while only: changes some seconds after another member has joined; and an entry with the peer URL
 * of one that was added in this same second and removed, which gets the id of that one.
 */
const refusedForNow = /unhealthy cluster|member not found/;

/** `etcdctl member ...` by a patient person. */
export async function changeMembers(
  cluster: TestCluster,
  through: TestNode,
  ...args: string[]
): Promise<void> {
  let refusal = '';
  await waitFor(
    `etcdctl member ${args.join(' ')}`,
    () =>
      etcdctl(cluster, through, ['member', ...args]).then(
        () => true,
        (error: Error) => {
          refusal = error.message;
          if (!refusedForNow.test(refusal)) throw error;
          return false;
        },
      ),
    30_000,
    200,
  ).catch((error: Error) => {
    throw new Error(`${error.message}\n${refusal}`);
  });
}

/** Asks one member one thing, and closes the connection. */
export async function askEtcd<T>(
  cluster: TestCluster,
  node: TestNode,
  ask: (admin: EtcdAdmin) => Promise<T>,
): Promise<T> {
  const credentials = await etcdCredentials(cluster);
  const admin = await connectEtcd({ endpoint: node.clientURL, ...credentials, deadlineMs: 3_000 });
  try {
    return await ask(admin);
  } finally {
    admin.close();
  }
}

/** Raises an alarm as etcd itself would, through its JSON gateway: etcdctl can only disarm. */
export async function raiseAlarm(
  cluster: TestCluster,
  through: TestNode,
  type: 'NOSPACE' | 'CORRUPT',
  memberId: string,
): Promise<void> {
  const gateway = cluster.binaries.version.startsWith('3.3.') ? 'v3beta' : 'v3';
  const body = JSON.stringify({
    action: 'ACTIVATE',
    memberID: BigInt(`0x${memberId}`).toString(),
    alarm: type,
  });
  const credentials = await etcdCredentials(cluster);
  const url = `${through.clientURL}/${gateway}/maintenance/alarm`;
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const call = request(url, { method: 'POST', ...credentials, timeout: 5_000 }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode));
    });
    call.on('error', reject);
    call.on('timeout', () => call.destroy(new Error(`${url} does not answer`)));
    call.end(body);
  });
  if (status !== 200) throw new Error(`raising ${type} through ${through.name}: HTTP ${status}`);
}
