import { describe, expect, it } from 'vitest';
import { classifyUnit, parseUnit } from './unit-style.js';

const centos7 = `[Unit]
Description=Etcd Server
After=network.target

[Service]
Type=notify
WorkingDirectory=/var/lib/etcd/
EnvironmentFile=-/etc/etcd/etcd.conf
User=etcd
ExecStart=/bin/bash -c "GOMAXPROCS=$(nproc) /usr/bin/etcd --name=\\"\${ETCD_NAME}\\" --data-dir=\\"\${ETCD_DATA_DIR}\\" --listen-client-urls=\\"\${ETCD_LISTEN_CLIENT_URLS}\\""
Restart=on-failure
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
`;

const debian12 = `# /lib/systemd/system/etcd.service
[Unit]
Description=etcd - highly-available key value store

[Service]
Environment=DAEMON_ARGS=
Environment=ETCD_NAME=%H
Environment=ETCD_DATA_DIR=/var/lib/etcd/default
EnvironmentFile=-/etc/default/%p
Type=notify
User=etcd
ExecStart=/usr/bin/etcd $DAEMON_ARGS
Restart=on-abnormal
`;

const ours = `
# /etc/systemd/system/etcd.service.d/10-etcd-agent.conf
[Service]
ExecStart=
ExecStart=/usr/bin/etcd
EnvironmentFile=
EnvironmentFile=/etc/etcd/etcd.conf
`;

const conf =
  'ETCD_NAME="etcd0"\nETCD_DATA_DIR="/var/lib/etcd/default.etcd"\nETCD_LISTEN_CLIENT_URLS="https://10.0.0.1:2379"\n';

describe("a distribution's etcd unit", () => {
  it('of CentOS 7 passes flags that collide with the very file it loads', () => {
    const unit = parseUnit(centos7);
    expect(unit.environmentFiles).toEqual([{ path: '/etc/etcd/etcd.conf', optional: true }]);
    expect(classifyUnit(unit, conf)).toEqual({
      style: 'flags',
      flags: ['name', 'data-dir', 'listen-client-urls'],
      conflicts: [
        { flag: 'name', variable: 'ETCD_NAME' },
        { flag: 'data-dir', variable: 'ETCD_DATA_DIR' },
        { flag: 'listen-client-urls', variable: 'ETCD_LISTEN_CLIENT_URLS' },
      ],
    });
  });

  it('of Debian 12 leaves everything to the environment', () => {
    const unit = parseUnit(debian12);
    expect(unit.environment).toEqual({
      DAEMON_ARGS: '',
      ETCD_NAME: '%H',
      ETCD_DATA_DIR: '/var/lib/etcd/default',
    });
    expect(classifyUnit(unit, '')).toEqual({ style: 'environment', flags: [], conflicts: [] });
  });

  it('of Debian 12 has flags after all when its defaults file sets them', () => {
    expect(classifyUnit(parseUnit(debian12), 'DAEMON_ARGS="--name etcd7 --pre-vote"\n')).toEqual({
      style: 'flags',
      flags: ['name', 'pre-vote'],
      conflicts: [{ flag: 'name', variable: 'ETCD_NAME' }],
    });
  });

  it('has no conflict left once a drop-in owns ExecStart', () => {
    const unit = parseUnit(centos7 + ours);
    expect(unit.execStart).toEqual(['/usr/bin/etcd']);
    expect(unit.environmentFiles).toEqual([{ path: '/etc/etcd/etcd.conf', optional: false }]);
    expect(classifyUnit(unit, conf)).toEqual({ style: 'environment', flags: [], conflicts: [] });
  });

  it.each([
    '/usr/bin/etcd --config-file /etc/etcd/etcd.yml',
    '/usr/bin/etcd --config-file=/etc/etcd/etcd.yml --name x',
    '/usr/bin/env A=b /opt/etcd/etcd -config-file=/x',
  ])('%j makes etcd ignore its environment', (command) => {
    const unit = { execStart: [command], environment: {}, environmentFiles: [] };
    expect(classifyUnit(unit, conf).style).toBe('configFile');
  });

  it('may name the YAML file in the environment', () => {
    const unit = {
      execStart: ['/usr/bin/etcd'],
      environment: { ETCD_CONFIG_FILE: '/x' },
      environmentFiles: [],
    };
    expect(classifyUnit(unit, '').style).toBe('configFile');
  });

  it('is recognised from what systemctl show prints', () => {
    const shown = (argv: string) =>
      `{ path=/usr/bin/etcd ; argv[]=${argv} ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 }`;
    const unit = (argv: string) => ({ execStart: [shown(argv)], environment: {}, environmentFiles: [] });
    expect(classifyUnit(unit('/usr/bin/etcd $DAEMON_ARGS'), '').style).toBe('environment');
    expect(
      classifyUnit(
        unit(
          `/bin/bash -c GOMAXPROCS=$(nproc) /usr/bin/etcd --name="\${ETCD_NAME}" --data-dir="\${ETCD_DATA_DIR}"`,
        ),
        conf,
      ).conflicts,
    ).toEqual([
      { flag: 'name', variable: 'ETCD_NAME' },
      { flag: 'data-dir', variable: 'ETCD_DATA_DIR' },
    ]);
  });

  it('that only sets an empty variable does not collide: etcd ignores those', () => {
    const unit = {
      execStart: ['/usr/bin/etcd --name x'],
      environment: { ETCD_NAME: '' },
      environmentFiles: [],
    };
    expect(classifyUnit(unit, '').conflicts).toEqual([]);
  });
});
