/** The checks of etcd itself on a node: program, version, unit, account, data dir. Pure. */
import { compareVersions, judgeVersion, minorOf, parseEtcdVersion } from '@etcd-agent/etcd';
import { type Expectation, type Finding, finding, type NodeReport } from './findings.js';

export function etcdBinary({ place, facts: { etcd } }: NodeReport): Finding {
  switch (etcd.kind) {
    case 'found':
      return finding(place, 'etcd', 'ok', `${etcd.path} ${etcd.version}`);
    case 'missing':
      return finding(
        place,
        'etcd',
        'fail',
        `there is no ${etcd.path}`,
        'install etcd there, or put etcd: { install: ... } into the topology (coordinator template), then coordinator apply',
      );
    case 'broken':
      return finding(place, 'etcd', 'fail', etcd.why, `run ${etcd.path} --version on ${place.name}`);
  }
}

// The same version everywhere: a cluster that begins mixed begins as its oldest member, and nobody meant that.
export function etcdVersion(
  { place, facts }: NodeReport,
  reports: readonly NodeReport[],
  expected: Expectation | undefined,
): Finding {
  const check = 'etcd-version';
  if (facts.etcd.kind !== 'found')
    return finding(place, check, 'fail', 'not known without an etcd that runs', 'see the check etcd');
  const version = parseEtcdVersion(facts.etcd.version)!;
  const verdict = judgeVersion(version);
  if (verdict.kind === 'refuse')
    return finding(place, check, 'fail', verdict.why, 'install another etcd there, the same on every node');
  const others = reports.flatMap(({ facts: { etcd }, place: other }) =>
    etcd.kind === 'found' && compareVersions(parseEtcdVersion(etcd.version)!, version) !== 0
      ? [`${other.name} has ${etcd.version}`]
      : [],
  );
  if (others.length > 0) {
    return finding(
      place,
      check,
      'fail',
      `${version.text}, but ${others.join(', ')}`,
      'install the same version everywhere',
    );
  }
  const recorded = expected === undefined ? undefined : parseEtcdVersion(expected.etcdVersion);
  if (recorded !== undefined && minorOf(recorded) !== minorOf(version)) {
    return finding(
      place,
      check,
      'fail',
      `${version.text}, but the bootstrap began with ${recorded.text}`,
      `install etcd ${minorOf(recorded)}`,
    );
  }
  return verdict.kind === 'warn'
    ? finding(
        place,
        check,
        'warn',
        verdict.why,
        'try it on a cluster that may be lost, or install a tested version',
      )
    : finding(place, check, 'ok', version.text);
}

export function unit({ place, facts: { service } }: NodeReport): Finding {
  const { unit: found } = service;
  const message = found.detail === '' ? found.style : `${service.manager}: ${found.detail}`;
  // Debian's package starts an etcd of its own when it is installed. It would go on under our unit's name, with its own
  // data and its own configuration, and nothing would start ours.
  const runs = ['active', 'activating', 'restarting'].includes(service.state.kind);
  if (service.manager === 'systemd' && found.style !== 'ours' && runs) {
    return finding(
      place,
      'unit',
      'fail',
      `etcd.service runs already, and not for this cluster (${found.detail})`,
      `if nobody needs it, on ${place.name}: systemctl disable --now etcd`,
    );
  }
  switch (found.style) {
    case 'none':
    case 'environment':
    case 'ours':
      return finding(place, 'unit', 'ok', message);
    case 'flags':
      return finding(
        place,
        'unit',
        'warn',
        `${message}; our drop-in replaces its command line`,
        'put what you need of them into the topology',
      );
    case 'configFile':
      return finding(
        place,
        'unit',
        'warn',
        `${message}; our drop-in replaces its command line, and etcd will no longer read that file`,
        'put what you need of it into the topology',
      );
    case 'unknown':
      return finding(
        place,
        'unit',
        'fail',
        message,
        `on ${place.name}: systemctl status etcd; systemctl unmask etcd`,
      );
  }
}

export function account({ place, facts: { account: found } }: NodeReport): Finding {
  switch (found.kind) {
    case 'present':
      return finding(place, 'account', 'ok', `${found.name} (${found.uid})`);
    case 'notUsed':
      return finding(place, 'account', 'ok', "etcd runs as the agent's own user");
    case 'missing':
      return finding(
        place,
        'account',
        'fail',
        `there is no user ${found.name}`,
        'on that host: useradd --system --user-group etcd; or set etcdUser in agent.yaml',
      );
  }
}

export function dataDir(
  { place, facts: { dataDir: found } }: NodeReport,
  expected: Expectation | undefined,
): Finding {
  const check = 'data-dir';
  switch (found.kind) {
    case 'missing':
    case 'empty':
      return finding(
        place,
        check,
        'ok',
        `${place.dataDir} is ${found.kind === 'missing' ? 'not there yet' : 'empty'}`,
      );
    case 'ours': {
      const same = expected !== undefined && found.bootstrapId === expected.bootstrapId;
      if (same) return finding(place, check, 'ok', `${place.dataDir} is of this bootstrap`);
      const next =
        expected === undefined
          ? 'use the coordinator state that made it'
          : 'coordinator bootstrap --reset moves it aside';
      return finding(
        place,
        check,
        'fail',
        `${place.dataDir} holds data of bootstrap ${found.bootstrapId ?? 'unknown'}`,
        next,
      );
    }
    case 'foreign':
      return finding(
        place,
        check,
        'fail',
        `${place.dataDir}: ${found.why}`,
        `look at it, then on ${place.name}: mv ${place.dataDir} ${place.dataDir}.old; or give the node another dataDir`,
      );
    case 'unknown':
      return finding(
        place,
        check,
        'fail',
        `${place.dataDir}: ${found.why}`,
        `on ${place.name}: ls -ld ${place.dataDir}; etcd-agent must be able to read it`,
      );
  }
}
